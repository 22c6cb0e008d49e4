/** In the place of style sheets, which jest does not load. */
export default {}
