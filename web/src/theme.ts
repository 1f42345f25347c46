// Light or dark: as the system says, or as the person chose, remembered in this browser.
import { effect, signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "glasspost.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function remembered(): Theme {
  try {
    return THEMES.find(theme => theme === localStorage.getItem(KEY)) ?? "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

export const theme = signal<Theme>(remembered());
/** Grows by one whenever colours may have changed: what is drawn by hand is drawn again. */
export const paint = signal(0);

function apply(): void {
  const isDark = theme.value === "dark" || (theme.value === "auto" && system.matches);
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  paint.value = paint.peek() + 1;
}

/** Applies the theme and keeps to it. */
export function start(): void {
  effect(apply);
  system.addEventListener("change", apply);
}

export function choose(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // It holds until the page is closed.
  }
}
