// The processes that share the work: where each runs, what it is there for, and what it is doing.
import { nodes as askNodes } from "../api/client";
import type { NodeAccount, NodeRow } from "../api/service";
import { count, dateTime, span } from "../format";
import { useAnswer } from "../parts/answer";
import { Icon, type IconName } from "../parts/icon";
import { Table, type Column } from "../parts/table";
import { State } from "../parts/traffic-tables";
import { accountWords, nodeName } from "../parts/traffic-words";
import { href } from "../route";
import { now } from "../state";

const REFRESH_MS = 2000;
/** Accounts drawn at first. */
const STEP = 50;

const LOOKS: Record<NodeRow["state"], { colour: string; icon: IconName; word: string }> = {
  active: { colour: "sending", icon: "arrow", word: "Active" },
  suspended: { colour: "pending", icon: "pause", word: "Suspended" },
  draining: { colour: "retry", icon: "stop", word: "Ending" },
};

const NODES: Column<NodeRow>[] = [
  {
    title: "Process",
    class: "name",
    sortBy: nodeName,
    cell: node => (
      <span class="run-cell">
        {nodeName(node)}
        {node.this && <span class="badge is-sending">This one</span>}
        {node.address && <code class="faint">{node.address}</code>}
      </span>
    ),
  },
  { title: "Roles", sortBy: node => node.roles.join(), cell: node => node.roles.join(", ") },
  { title: "State", sortBy: node => node.state, cell: node => <NodeState node={node} /> },
  { title: "Duties", class: "words", cell: node => node.duties.join(", ") },
  numbers("Connections", node => node.connections),
  numbers("Sending", node => node.sending),
  numbers("Being made", node => node.making),
  {
    title: "Up for",
    class: "whole",
    sortBy: node => node.started_at,
    cell: node => (
      <span title={dateTime(node.started_at)}>{span((now.value - Date.parse(node.started_at)) / 1000)}</span>
    ),
  },
  { title: "Heard of", class: "whole", cell: node => (node.this ? "" : `${span(node.silent_s)} ago`) },
  { title: "Version", class: "whole", cell: node => node.version },
];

function numbers(title: string, of: (node: NodeRow) => number): Column<NodeRow> {
  return { title, isNumber: true, sortBy: of, cell: node => count(of(node)) };
}

function NodeState({ node: { state } }: { node: NodeRow }) {
  const { colour, icon, word } = LOOKS[state];
  return (
    <span class={`badge is-${colour}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

/** An account as one process delivers for it. */
type Work = NodeAccount & { node: NodeRow };

function link({ tenant_id: tenant, account_id: account }: Work): string | null {
  return tenant && account ? href(["messages"], { tenant, account }) : null;
}

const ACCOUNTS: Column<Work>[] = [
  {
    title: "Account",
    class: "name",
    sortBy: work => work.account_id ?? "",
    cell: work => {
      const to = link(work);
      return to === null ? work.pk : <a href={to}>{work.account_id}</a>;
    },
  },
  {
    title: "Tenant",
    class: "name",
    sortBy: work => work.tenant_id ?? "",
    cell: work => work.tenant_id ?? "",
  },
  {
    title: "Process",
    class: "long-name",
    sortBy: work => nodeName(work.node),
    cell: work => nodeName(work.node),
  },
  {
    title: "Connections",
    isNumber: true,
    sortBy: work => work.connections,
    cell: work => count(work.connections),
  },
  { title: "Sending", isNumber: true, sortBy: work => work.sending, cell: work => count(work.sending) },
  {
    title: "State",
    class: "words",
    sortBy: accountWords,
    cell: work => <State words={accountWords(work)} />,
  },
];

export function Nodes() {
  const { value, error } = useAnswer(askNodes, [], REFRESH_MS).value;
  const nodes = value?.nodes ?? [];
  const work = nodes.flatMap(node => node.accounts.map(account => ({ ...account, node })));
  const unnamed = nodes.reduce((sum, node) => sum + node.other_accounts, 0);
  return (
    <>
      <h1>Nodes</h1>
      <section class="card" aria-label="Processes">
        {error && value === null && <p class="empty">{error}</p>}
        {value && (
          <Table
            caption="The processes of the service"
            columns={NODES}
            rows={nodes}
            keyOf={node => node.id}
            testid="node-row"
            empty="No process is known."
          />
        )}
      </section>
      {value && (
        <>
          <h2>Accounts that they deliver for</h2>
          <section class="card" aria-label="Accounts">
            <Table
              caption="Accounts by process"
              columns={ACCOUNTS}
              rows={work}
              keyOf={({ pk, node }) => `${pk} ${node.id}`}
              linkOf={link}
              testid="work-row"
              empty="None at the moment."
              step={STEP}
            />
            {unnamed > 0 && <p class="empty">{count(unnamed)} more that are less busy.</p>}
          </section>
        </>
      )}
    </>
  );
}
