/** Style sheets are loaded for their effect; webpack puts them into hub.css. */
declare module '*.css'
