// A choice among a few, side by side.
import type { ComponentChildren } from "preact";

interface SegmentsProps<T> {
  label: string;
  options: { value: T; label: ComponentChildren; name?: string; testid?: string }[];
  chosen: T;
  onChoose: (value: T) => void;
}

export function Segments<T extends string | number>({ label, options, chosen, onChoose }: SegmentsProps<T>) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(option => (
        <button
          type="button"
          key={option.value}
          aria-pressed={option.value === chosen}
          aria-label={typeof option.label === "string" ? undefined : option.name}
          title={option.name}
          data-testid={option.testid}
          onClick={() => onChoose(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
