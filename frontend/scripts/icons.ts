/**
 * Vite plugin: writes `icons.json` beside the bundles, the inner SVG of every icon that templates use.
 *
 * `src/icons.json` lists the names (https://lucide.dev); the template tag `{% icon "play" %}` reads the output. Islands
 * import from lucide-react instead.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);

/** The markup between `<svg …>` and `</svg>`. */
export function innerSvg(svg: string): string {
  const match = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg);
  if (!match?.[1]) throw new Error("not an SVG document");
  return match[1].replace(/\s*\n\s*/g, "");
}

export function icons(listFile: string): Plugin {
  return {
    name: "augmented-icons",
    apply: "build",
    generateBundle() {
      this.addWatchFile(listFile);
      const names = JSON.parse(readFileSync(listFile, "utf8")) as string[];
      const found = Object.fromEntries(
        names.map((name) => [name, innerSvg(readFileSync(require.resolve(`lucide-static/icons/${name}.svg`), "utf8"))]),
      );
      this.emitFile({ type: "asset", fileName: "icons.json", source: JSON.stringify(found) });
    },
  };
}
