// A field to search with: tells what was typed once the person pauses; "/" leads to it from anywhere.
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";

const PAUSE_MS = 250;
const SELECTOR = "input[type=search]";

interface SearchFieldProps {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}

export function SearchField({ label, value, onSearch }: SearchFieldProps) {
  const timer = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (field.current && document.activeElement !== field.current) field.current.value = value;
  }, [value]);

  function later(text: string): void {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onSearch(text), PAUSE_MS);
  }

  return (
    <label class="search">
      <Icon name="search" />
      <span class="visually-hidden">{label}</span>
      <input
        ref={field}
        type="search"
        placeholder={label}
        defaultValue={value}
        autocomplete="off"
        spellcheck={false}
        data-testid="search"
        onInput={event => later(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** Puts the focus into the page's search field; false when it has none. */
export function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>(SELECTOR);
  field?.focus();
  field?.select();
  return field !== null;
}
