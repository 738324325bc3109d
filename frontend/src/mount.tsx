/**
 * Renders islands: `<div data-island="instance" data-props="{…}">` becomes `islands/instance/index.tsx` with that JSON as
 * props. Each island is a bundle of its own, loaded on use.
 */
import { type ComponentType, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { ErrorBoundary } from "./components/ErrorBoundary";

type IslandModule = { default: ComponentType<never> };

const modules = import.meta.glob<IslandModule>("../islands/*/index.tsx");
const mounted = new Map<HTMLElement, Root>();

export async function mountIslands(within: ParentNode = document): Promise<void> {
  const elements = [...within.querySelectorAll<HTMLElement>("[data-island]")];
  if (within instanceof HTMLElement && within.dataset.island) elements.push(within);
  await Promise.all(elements.filter((element) => !mounted.has(element)).map(mount));
}

/** Unmounts what a swap is about to take out of the page. */
export function unmountIslands(within: HTMLElement): void {
  for (const [element, root] of mounted) {
    if (within !== element && !within.contains(element)) continue;
    root.unmount();
    mounted.delete(element);
  }
}

async function mount(element: HTMLElement): Promise<void> {
  const name = element.dataset.island as string;
  const load = modules[`../islands/${name}/index.tsx`];
  if (!load) throw new Error(`There is no island "${name}".`);
  const root = createRoot(element);
  mounted.set(element, root);
  const { default: Island } = (await load()) as { default: ComponentType<Record<string, unknown>> };
  const props = JSON.parse(element.dataset.props ?? "{}") as Record<string, unknown>;
  if (!mounted.has(element)) return;
  root.render(
    <StrictMode>
      <ErrorBoundary>
        <Island {...props} />
      </ErrorBoundary>
    </StrictMode>,
  );
}
