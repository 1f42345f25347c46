// Several views of one thing, one at a time; the arrow keys go from tab to tab.
import type { ComponentChildren } from "preact";

interface TabsProps<T extends string> {
  label: string;
  options: { value: T; label: string }[];
  chosen: T;
  onChoose: (value: T) => void;
  children: ComponentChildren;
}

export function Tabs<T extends string>({ label, options, chosen, onChoose, children }: TabsProps<T>) {
  function move(event: KeyboardEvent): void {
    const direction = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const here = options.findIndex(option => option.value === chosen);
    const next = options[(here + direction + options.length) % options.length];
    if (direction === 0 || next === undefined) return;
    event.preventDefault();
    onChoose(next.value);
    document.getElementById(`tab-${next.value}`)?.focus();
  }

  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {options.map(option => (
          <button
            type="button"
            role="tab"
            key={option.value}
            id={`tab-${option.value}`}
            aria-selected={option.value === chosen}
            aria-controls="tab-panel"
            tabIndex={option.value === chosen ? 0 : -1}
            onClick={() => onChoose(option.value)}
          >
            {option.label}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`}>
        {children}
      </div>
    </>
  );
}
