// Charts over a range of time that the person chooses; drawn anew at most twice a second.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { points, until } from "../state";
import { Segments } from "../parts/segments";
import { Chart } from "./chart";
import type { Plot } from "./plots";
import { RANGES, stepsOf, type Steps } from "./series";

const REDRAW_MS = 500;
/** A second is told once it is over, and the telling takes a moment. */
const LATENESS_S = 2;

/** The points as they were at the latest redraw, and that moment in seconds. */
function useCalmPoints() {
  const read = () => ({ points: points.peek(), until: untilSeconds() });
  const calm = useSignal(read());
  useEffect(() => {
    const timer = setInterval(() => {
      const isNew = points.peek() !== calm.peek().points || untilSeconds() > calm.peek().until;
      if (!document.hidden && isNew) calm.value = read();
    }, REDRAW_MS);
    return () => clearInterval(timer);
  }, []);
  return calm;
}

function untilSeconds(): number {
  const known = until.peek();
  return known === null ? 0 : Math.floor(Date.parse(known) / 1000) - LATENESS_S;
}

interface ChartPanelProps {
  plotsOf: (steps: Steps) => Plot[];
  /** What the names of saved files begin with. */
  name: string;
}

export function ChartPanel({ plotsOf, name }: ChartPanelProps) {
  const calm = useCalmPoints();
  const range = useSignal(1);
  const chosen = useComputed(() => RANGES[range.value] ?? { label: "", name: "", seconds: null });
  const steps = useComputed(() => stepsOf(calm.value.points, chosen.value.seconds, calm.value.until));
  const plots = useComputed(() => plotsOf(steps.value));
  return (
    <section aria-labelledby="charts-title">
      <div class="section-head">
        <h2 id="charts-title">Over time</h2>
        <Segments
          label="Range of time"
          options={RANGES.map(({ label, name }, value) => ({ value, label, name }))}
          chosen={range.value}
          onChoose={value => (range.value = value)}
        />
      </div>
      <div class="chart-grid">
        {plots.value.map(plot => (
          <Chart key={plot.id} plot={plot} steps={steps.value} range={chosen.value.name} name={name} />
        ))}
      </div>
    </section>
  );
}
