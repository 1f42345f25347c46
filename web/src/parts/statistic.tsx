// One figure with its name; the raw number stays readable for programs.
import type { ComponentChildren } from "preact";

interface StatisticProps {
  name: string;
  testid: string;
  /** The raw number. */
  value: number | null;
  children: ComponentChildren;
  note?: ComponentChildren;
}

export function Statistic({ name, testid, value, children, note }: StatisticProps) {
  return (
    <div class="stat">
      <dt>{name}</dt>
      <dd>
        <span class="stat-value" data-testid={testid} data-value={value ?? ""}>
          {children}
        </span>
        {note && <span class="stat-note">{note}</span>}
      </dd>
    </div>
  );
}
