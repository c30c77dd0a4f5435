// What to do while nothing has come: settings to copy for each kind of sender, with the ports that are really open.

import { el, refill } from './dom.js';
import { list, text } from './format.js';
import { copyButton } from './toolbar.js';

/** "Waiting for the first span", for as long as that is so. */
export class Welcome {
  #shown = '';
  #chosen = 'relay';

  constructor() {
    this.element = el('section', { class: 'welcome', 'aria-label': 'Waiting for the first span' });
  }

  show(overview) {
    const ports = portsOf(overview.status);
    const asked = list(overview.status?.doors).length > 0;
    const sign = JSON.stringify([ports, asked]);
    if (sign === this.#shown) return;
    this.#shown = sign;
    const guides = guidesFor(ports);
    const body = el('div', { class: 'guide', role: 'tabpanel', id: 'guide' });
    const tabs = guides.map((guide) => this.#tab(guide, guides, body));
    refill(
      this.element,
      el(
        'div',
        { class: 'waiting-head' },
        el('span', { class: 'pulse-dot', 'aria-hidden': 'true' }),
        el('h1', {}, 'Waiting for the first span'),
      ),
      el(
        'p',
        { class: 'lead' },
        'burgee listens on ',
        addresses(overview.status),
        '. Point a sender here; the page moves on by itself.',
      ),
      el('h2', {}, 'See it work first'),
      el('div', { class: 'commands' }, command('a test span', ports.send), command('a minute of sample traffic', ports.demo)),
      el('h2', {}, 'Connect a sender'),
      el('div', { role: 'tablist', class: 'tabs', 'aria-label': 'Kinds of senders', on: { keydown: moveTab } }, tabs),
      body,
      el(
        'p',
        { class: 'dim' },
        'In a container, localhost is the container itself: write the name of the machine or service that burgee runs on. Both ports take gRPC and HTTP. ',
        el('code', {}, 'burgee doctor'),
        ' looks for what is in the way.',
      ),
    );
    this.#choose(guides, tabs, body, this.#chosen);
  }

  #tab(guide, guides, body) {
    const choose = (event) => this.#choose(guides, [...event.currentTarget.parentElement.children], body, guide.id);
    return el(
      'button',
      { type: 'button', role: 'tab', 'aria-controls': 'guide', 'data-guide': guide.id, on: { click: choose, focus: choose } },
      guide.title,
    );
  }

  #choose(guides, tabs, body, id) {
    this.#chosen = id;
    for (const tab of tabs) {
      const chosen = tab.dataset.guide === id;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    const guide = guides.find((guide) => guide.id === id) ?? guides[0];
    refill(
      body,
      guide.blocks.map(([title, code]) => block(title, code)),
      guide.note ? el('p', { class: 'dim' }, guide.note) : null,
    );
  }
}

/** A titled text to paste, with its button. */
export function block(title, code) {
  const pre = el('pre', { tabindex: '0' });
  pre.textContent = code;
  return el('div', { class: 'block' }, el('div', { class: 'block-head' }, el('span', {}, title), copyButton(code)), pre);
}

function command(title, code) {
  return el('div', { class: 'command' }, el('code', {}, code), copyButton(code), el('span', { class: 'dim' }, title));
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children];
  const at = tabs.indexOf(document.activeElement);
  tabs[(at + step + tabs.length) % tabs.length].focus();
  event.preventDefault();
  event.stopPropagation();
}

function addresses(status) {
  const otlp = otlpListeners(status);
  if (otlp.length === 0) return 'no port for OTLP';
  return otlp.map((listener, i) => [i > 0 ? (i + 1 < otlp.length ? ', ' : ' and ') : '', el('code', {}, text(listener.address))]);
}

function otlpListeners(status) {
  return list(status?.listeners).filter((listener) => /^otlp(\/|$)/.test(text(listener.component)));
}

function portsOf(status) {
  const otlp = otlpListeners(status).map((listener) => split(text(listener.address)));
  const http = otlp.find((at) => at.port === '4318') ?? otlp.at(-1) ?? { host: 'localhost', port: '4318' };
  const url = `http://${http.host}:${http.port}`;
  const elsewhere = url === 'http://localhost:4318' ? '' : ` --endpoint ${url}`;
  return { url, send: `burgee send${elsewhere.replace("--endpoint", "--to")}`, demo: `burgee demo${elsewhere}` };
}

// "All interfaces" and the loopback addresses are "localhost" to whoever sits here.
function split(address) {
  const [, host, port] = address.match(/^\[?(.*?)\]?:(\d+)$/) ?? ['', 'localhost', '4318'];
  const local = ['127.0.0.1', '0.0.0.0', '::', '::1', ''].includes(host);
  return { host: local ? 'localhost' : host.includes(':') ? `[${host}]` : host, port };
}

function guidesFor({ url }) {
  const env = `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`;
  const named = `${env} \\\nOTEL_SERVICE_NAME=my-app \\\n`;
  const overHttp = `${env} \\\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \\\nOTEL_SERVICE_NAME=my-app \\\n`;
  return [
    {
      id: 'relay',
      title: 'Relay proxy',
      blocks: [
        ["Environment of GO Feature Flag's relay proxy", env],
        ['or in goff-proxy.yaml', `openTelemetryOtlpEndpoint: ${url}`],
      ],
      note: 'From v1.41.2 on. Older ones ignore traceparent, and v1.23.0 to v1.35.x do not trace at all. OTEL_EXPORTER_OTLP_TRACES_ENDPOINT alone switches nothing on.',
    },
    {
      id: 'node',
      title: 'Node.js',
      blocks: [
        ['Start', `${named}node --require @opentelemetry/auto-instrumentations-node/register app.js`],
        [
          'Flags on spans',
          'import { SpanEventHook } from "@openfeature/open-telemetry-hooks";\nOpenFeature.addHooks(new SpanEventHook());',
        ],
      ],
    },
    {
      id: 'python',
      title: 'Python',
      blocks: [
        ['Start', `${overHttp}opentelemetry-instrument python app.py`],
        [
          'Flags on spans',
          'from openfeature import api\nfrom openfeature.contrib.hook.opentelemetry import TracingHook\napi.add_hooks([TracingHook()])',
        ],
      ],
    },
    {
      id: 'go',
      title: 'Go',
      blocks: [
        ['Start', `${named}go run .`],
        [
          'Flags on spans',
          'import otelhook "github.com/open-feature/go-sdk-contrib/hooks/open-telemetry/pkg"\n\nopenfeature.AddHooks(otelhook.NewTracesHook())',
        ],
      ],
      note: 'With otlptracehttp or otlptracegrpc as the exporter: both read the variable.',
    },
    {
      id: 'java',
      title: 'Java',
      blocks: [
        ['Start', `${named}java -javaagent:opentelemetry-javaagent.jar -jar app.jar`],
        ['Flags on spans', 'OpenFeatureAPI.getInstance().addHooks(new TracesHook());'],
      ],
    },
    {
      id: 'dotnet',
      title: '.NET',
      blocks: [
        ['Start', `${overHttp}dotnet run`],
        ['Flags on spans', 'Api.Instance.AddHooks(new TraceEnricherHook());'],
      ],
      note: 'With AddOtlpExporter() and OpenFeature 2.7 or later.',
    },
  ];
}
