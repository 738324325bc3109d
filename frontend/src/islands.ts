/** Finds islands in the page and loads React only where there are any; see `mount.tsx`. */
let mounter: typeof import("./mount") | null = null;

export async function mountIslands(within: ParentNode = document): Promise<void> {
  const isIsland = within instanceof HTMLElement && within.matches("[data-island]");
  if (!isIsland && !within.querySelector("[data-island]")) return;
  mounter ??= await import("./mount");
  await mounter.mountIslands(within);
}

export function unmountIslands(within: HTMLElement): void {
  mounter?.unmountIslands(within);
}
