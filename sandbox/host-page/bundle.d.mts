export declare function bundleHostPage(root: string, outdir: string): Promise<void>
