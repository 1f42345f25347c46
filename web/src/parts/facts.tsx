// What is known of one thing: names with their values.
import type { ComponentChildren } from "preact";

interface FactProps {
  name: string;
  value: ComponentChildren;
  /** The value in full, where it was cut. */
  title?: string | undefined;
}

export function Fact({ name, value, title }: FactProps) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd title={title}>{value}</dd>
    </div>
  );
}

/** Those of the facts that have a value. */
export function Facts({ facts }: { facts: [name: string, value: string | null][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => value && <Fact key={name} name={name} value={value} />)}
    </dl>
  );
}
