// Draws what /tasks/live sends. Cells are changed in place and only where they differ, so that
// nobody loses a selection, and a screen reader reads nothing twice.

const byId = (id) => document.getElementById(id);

const source = new EventSource('tasks/live');
source.addEventListener('open', () => setText(byId('connection'), 'live'));
// It connects again by itself.
source.addEventListener('error', () => setText(byId('connection'), 'not connected'));
source.addEventListener('message', ({ data }) => draw(JSON.parse(data)));

function draw({ tasks, exits, problems }) {
  keepChildren(byId('tasks'), tasks, ({ namespace, id }) => `${namespace}/${id}`, drawTask);
  setText(byId('count'), String(tasks.length));
  byId('no-tasks').hidden = tasks.length > 0;
  keepChildren(
    byId('exits'),
    exits,
    (exit) => `${exit.namespace}/${exit.id}/${exit.pid}`,
    drawExit,
  );
  byId('no-exits').hidden = exits.length > 0;
  keepChildren(byId('problems'), problems, (problem) => problem, drawProblem);
  byId('problems').hidden = problems.length === 0;
}

function drawTask(task, row = taskRow()) {
  const [namespace, id, state, pids, cpu, memory, shim] = row.children;
  setText(namespace, task.namespace);
  setText(id, task.id);
  const badge = state.firstElementChild;
  badge.dataset.status = task.problem === undefined ? task.status : 'PROBLEM';
  setText(badge, stateOf(task));
  setText(pids, task.pids.join(', ') || '–');
  setText(cpu, task.usage ? `${task.usage.cpuSeconds.toFixed(2)} s` : '–');
  setText(memory, task.usage ? memoryOf(task.usage) : '–');
  setText(shim, `v${task.version}, pid ${task.shimPid}`);
  return row;
}

function taskRow() {
  const row = document.createElement('tr');
  for (const kind of ['', 'head', 'state', 'pids', 'number', 'number', '']) {
    const cell = document.createElement(kind === 'head' ? 'th' : 'td');
    if (kind === 'head') cell.scope = 'row';
    else cell.className = kind;
    if (kind === 'state') cell.append(document.createElement('span'));
    row.append(cell);
  }
  return row;
}

function stateOf({ status, exit, problem }) {
  if (problem !== undefined) return problem;
  return exit === undefined ? status.toLowerCase() : `exited with ${exit.status}`;
}

function memoryOf({ memoryBytes, memoryLimitBytes }) {
  const used = mebibytes(memoryBytes);
  return memoryLimitBytes === undefined ? used : `${used} of ${mebibytes(memoryLimitBytes)}`;
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function drawExit({ namespace, id, pid, status, at }, item = document.createElement('li')) {
  const when = at === undefined ? '' : ` at ${new Date(at).toLocaleTimeString()}`;
  setText(item, `${id} (${namespace}, pid ${pid}) exited with ${status}${when}`);
  return item;
}

function drawProblem(problem, item = document.createElement('li')) {
  setText(item, problem);
  return item;
}

/** Makes the children of a list those of the values, in their order; what stays is only updated. */
function keepChildren(list, values, keyOf, drawChild) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  values.forEach((value, index) => {
    const key = keyOf(value);
    const child = drawChild(value, old.get(key));
    child.dataset.key = key;
    old.delete(key);
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  });
  for (const child of old.values()) child.remove();
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
