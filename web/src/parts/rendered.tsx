// The message as it was rendered: HTML in a frame that may do nothing, text, headers, raw, attachments.
import { useSignal } from "@preact/signals";
import * as client from "../api/client";
import type { Content } from "../api/types";
import { bytes } from "../format";
import { useAnswer } from "./answer";
import { Table } from "./table";
import { Tabs } from "./tabs";

type View = "html" | "text" | "headers" | "raw" | "attachments";

export function Rendered({ job, id }: { job: string; id: string }) {
  const answer = useAnswer(signal => client.content(job, id, signal), [job, id]);
  const { value, error } = answer.value;
  return (
    <section class="card" aria-labelledby="message-title">
      <div class="card-head">
        <div>
          <h2 id="message-title">The message</h2>
          {value && <p class="subject">{value.subject ?? "without a subject"}</p>}
        </div>
        {value && <p class="faint">{bytes(value.bytes)}</p>}
      </div>
      {error && <p class="empty">{error}</p>}
      {value && <Views job={job} id={id} content={value} />}
    </section>
  );
}

interface ViewsProps {
  job: string;
  id: string;
  content: Content;
}

function Views({ job, id, content }: ViewsProps) {
  const chosen = useSignal<View>(content.has_html ? "html" : content.text === null ? "headers" : "text");
  const options: { value: View; label: string; isShown: boolean }[] = [
    { value: "html", label: "HTML", isShown: content.has_html },
    { value: "text", label: "Text", isShown: content.text !== null },
    { value: "headers", label: "Headers", isShown: true },
    { value: "raw", label: "Raw", isShown: true },
    {
      value: "attachments",
      label: `Attachments (${content.attachments.length})`,
      isShown: content.attachments.length > 0,
    },
  ];
  return (
    <Tabs
      label="Views of the message"
      options={options.filter(option => option.isShown)}
      chosen={chosen.value}
      onChoose={view => (chosen.value = view)}
    >
      {chosen.value === "html" && (
        <iframe
          class="letter"
          sandbox=""
          src={client.htmlAddress(job, id)}
          title="The message's HTML"
          data-testid="html"
        />
      )}
      {chosen.value === "text" && (
        <pre class="letter-text" tabIndex={0} data-testid="text">
          {content.text}
        </pre>
      )}
      {chosen.value === "headers" && <Headers headers={content.headers} />}
      {chosen.value === "raw" && <Raw job={job} id={id} />}
      {chosen.value === "attachments" && <Attachments content={content} />}
    </Tabs>
  );
}

function Headers({ headers }: { headers: [string, string][] }) {
  return (
    <dl class="headers">
      {headers.map(([name, value], index) => (
        <div key={index}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Raw({ job, id }: { job: string; id: string }) {
  const answer = useAnswer(signal => client.raw(job, id, signal), [job, id]);
  const { value, error } = answer.value;
  return (
    <pre class="letter-text" tabIndex={0} data-testid="raw">
      {value ?? error ?? "Looking…"}
    </pre>
  );
}

function Attachments({ content }: { content: Content }) {
  const rows = content.attachments.map((attachment, index) => ({ ...attachment, index }));
  return (
    <Table
      caption="Attachments"
      columns={[
        { title: "Name", cell: row => row.name },
        { title: "Type", cell: row => row.media_type },
        { title: "Size", isNumber: true, cell: row => bytes(row.bytes) },
      ]}
      rows={rows}
      keyOf={row => String(row.index)}
      empty="No attachment."
    />
  );
}
