/**
 * The theme switch: `<button data-theme-choice="system|light|dark">`.
 *
 * The choice is a cookie, because the server writes `data-theme` into the page: no flash, no inline script.
 */
const THEMES: Record<string, string> = { light: "augmented", dark: "augmented-dark" };
const YEAR = 365 * 24 * 60 * 60;

export function chosenTheme(): string {
  const match = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(document.cookie);
  return match?.[1] ?? "system";
}

export function chooseTheme(choice: string): void {
  const root = document.documentElement;
  const name = THEMES[choice];
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  document.cookie = `theme=${name ? choice : ""}; path=/; SameSite=Lax; max-age=${name ? YEAR : 0}`;
  show(choice);
}

function show(choice: string): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

export function theme(): void {
  show(chosenTheme());
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-theme-choice]");
    if (button?.dataset.themeChoice) chooseTheme(button.dataset.themeChoice);
  });
}
