//! One visit after the other, and the export requests they lead to.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message;

use super::apps::{self, App};
use super::relay::{self, Generation, Route};
use super::shop::{self, Decision, Random, User};
use crate::cli::messages::{Place, When, scope};
use crate::otlp::Signal;

/// An export request as its sender would send it.
#[derive(Clone, Debug)]
pub(super) struct Export {
    pub(super) signal: Signal,
    pub(super) body: Vec<u8>,
    /// Spans or log records.
    pub(super) items: u64,
}

/// Visits to the shop. Every kind of visit comes along once in [`CYCLE`].
pub(super) struct Traffic {
    random: Random,
    visits: usize,
}

impl Traffic {
    /// The same seed gives the same visits, at other times.
    pub(super) fn new(seed: u64) -> Traffic {
        Traffic { random: Random(seed), visits: 0 }
    }

    /// What everybody has to send after `visits` more of them, the last of which ended at `now`.
    pub(super) fn visits(&mut self, visits: u64, now: SystemTime) -> Vec<Export> {
        let mut senders = Senders::default();
        for _ in 0..visits {
            let kind = CYCLE[self.visits % CYCLE.len()];
            self.visits += 1;
            self.visit(kind, now, &mut senders);
        }
        senders.exports()
    }

    fn visit(&mut self, kind: Visit, now: SystemTime, senders: &mut Senders) {
        let user = User(self.random.between(1, 500));
        let when = self.lasting(now, 40_000, 180_000);
        match kind {
            Visit::Checkout => {
                let decisions = [shop::new_checkout(user), shop::banner_color(user)];
                self.js_request(App::CheckoutApi, "/checkout", &decisions, user, when, senders);
            }
            Visit::Search => {
                let decisions = [shop::search_ranking(user)];
                self.js_request(App::SearchApi, "/search", &decisions, user, when, senders);
            }
            Visit::OldSearch => {
                self.js_request(App::SearchApi, "/search", &[shop::old_search()], user, when, senders);
            }
            Visit::Misspelt => {
                self.js_request(App::CheckoutApi, "/basket", &[shop::misspelt()], user, when, senders);
            }
            Visit::Order => self.java_request(&[shop::payment_provider(user)], when, senders),
            Visit::OldOrder => {
                self.java_request(&[shop::payment_provider(user), shop::old_search()], when, senders);
            }
            Visit::Page => {
                let decisions = [shop::new_checkout(user), shop::banner_color(user)];
                senders.log(App::Storefront, apps::js_records(when.end, &decisions, user));
                let server = self.root();
                let bulk = relay::bulk(server, self.random.span_id(), when.part(0, 900), 4);
                senders.relay(Generation::Current, bulk);
            }
        }
    }

    /// A request to a Node.js application that evaluates over OFREP, with one call for each flag.
    fn js_request(
        &mut self,
        app: App,
        route: &str,
        decisions: &[Decision],
        user: User,
        when: When,
        senders: &mut Senders,
    ) {
        let root = self.root();
        let mut calls = Vec::new();
        let mut events = Vec::new();
        let mut from = 700;
        for decision in decisions {
            let took = self.random.between(900, 2_600);
            let called = when.part(from, from + took);
            let place = root.child(self.random.span_id());
            calls.push(apps::call(place, Route::Ofrep, "relay", called, decision));
            events.push(apps::js_event(called.end, decision, user));
            let server = place.child(self.random.span_id());
            let served = called.part(200, took - 200);
            let evaluation = self.random.span_id();
            senders.relay(
                Generation::Current,
                relay::evaluation(Generation::Current, Route::Ofrep, server, evaluation, served, decision),
            );
            from += took + 150;
        }
        let place = root.child(self.random.span_id());
        let query = apps::query(place, "SELECT baskets", when.part(from, from + 8_000));
        let (name, version) = apps::server_scope(app);
        senders.app(app, scope(name, version, vec![apps::serving(root, route, when, events)]));
        let (name, version) = apps::client_scope(app);
        senders.app(app, scope(name, version, calls));
        senders.app(app, scope("@opentelemetry/instrumentation-pg", "0.60.0", vec![query]));
    }

    /// A request to the Java service in the other region, whose relay proxy is an older one.
    fn java_request(&mut self, decisions: &[Decision], when: When, senders: &mut Senders) {
        let app = App::OrderService;
        let root = self.root();
        let mut calls = Vec::new();
        let mut events = Vec::new();
        let mut from = 1_200;
        for decision in decisions {
            let took = self.random.between(1_400, 4_000);
            let called = when.part(from, from + took);
            let place = root.child(self.random.span_id());
            calls.push(apps::call(place, Route::V1, "relay-eu", called, decision));
            events.push(apps::java_event(called.end, decision));
            let server = place.child(self.random.span_id());
            let evaluation = self.random.span_id();
            let served = called.part(300, took - 300);
            senders.relay(
                Generation::Old,
                relay::evaluation(Generation::Old, Route::V1, server, evaluation, served, decision),
            );
            from += took + 200;
        }
        let place = root.child(self.random.span_id());
        let query = apps::query(place, "INSERT orders", when.part(from, from + 11_000));
        let (name, version) = apps::server_scope(app);
        senders.app(app, scope(name, version, vec![apps::serving(root, "/orders", when, events)]));
        let (name, version) = apps::client_scope(app);
        senders.app(app, scope(name, version, calls));
        senders.app(app, scope("io.opentelemetry.jdbc", "2.20.1-alpha", vec![query]));
    }

    fn root(&mut self) -> Place {
        Place { trace: self.random.trace_id(), span: self.random.span_id(), parent: None }
    }

    /// Something that ended at `now` and took between so many microseconds.
    fn lasting(&mut self, now: SystemTime, low_us: u64, high_us: u64) -> When {
        let end = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let end = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
        When { start: end.saturating_sub(self.random.between(low_us, high_us) * 1_000), end }
    }
}

#[derive(Clone, Copy)]
enum Visit {
    Checkout,
    Search,
    /// The flag is disabled.
    OldSearch,
    /// The flag's name has a typing mistake.
    Misspelt,
    Order,
    /// Two flags, one of them disabled.
    OldOrder,
    /// A browser that evaluates all flags at once and says so in log records.
    Page,
}

/// What visitors do, in an order that shows every shape early.
const CYCLE: [Visit; 20] = {
    use Visit::{Checkout, Misspelt, OldOrder, OldSearch, Order, Page, Search};
    [
        Checkout, Order, Search, Page, Misspelt, Checkout, OldSearch, Checkout, OldOrder, Search, //
        Checkout, Search, Order, Checkout, Page, Search, Checkout, Order, Checkout, Search,
    ]
};

/// Who has what to send.
#[derive(Default)]
struct Senders {
    apps: BTreeMap<App, Vec<ScopeSpans>>,
    relays: BTreeMap<Generation, Vec<ScopeSpans>>,
    logs: BTreeMap<App, Vec<ScopeLogs>>,
}

impl Senders {
    fn app(&mut self, app: App, spans: ScopeSpans) {
        merge(self.apps.entry(app).or_default(), spans);
    }

    fn relay(&mut self, generation: Generation, spans: Vec<ScopeSpans>) {
        let sent = self.relays.entry(generation).or_default();
        spans.into_iter().for_each(|spans| merge(sent, spans));
    }

    fn log(&mut self, app: App, records: ScopeLogs) {
        self.logs.entry(app).or_default().push(records);
    }

    /// One request from each process, as their SDKs batch.
    fn exports(self) -> Vec<Export> {
        let resource = |attributes| Some(Resource { attributes, ..Default::default() });
        let apps = self.apps.into_iter().map(|(app, scope_spans)| ResourceSpans {
            resource: resource(app.resource()),
            scope_spans,
            schema_url: String::new(),
        });
        let relays = self.relays.into_iter().map(|(generation, scope_spans)| ResourceSpans {
            resource: resource(relay::resource(generation)),
            scope_spans,
            schema_url: relay::schema_url(generation).to_owned(),
        });
        let traces = apps.chain(relays).map(|spans| Export {
            signal: Signal::Traces,
            items: spans.scope_spans.iter().map(|scope| scope.spans.len() as u64).sum(),
            body: ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec(),
        });
        let logs = self.logs.into_iter().map(|(app, scope_logs)| Export {
            signal: Signal::Logs,
            items: scope_logs.iter().map(|scope| scope.log_records.len() as u64).sum(),
            body: ExportLogsServiceRequest {
                resource_logs: vec![ResourceLogs {
                    resource: resource(app.resource()),
                    scope_logs,
                    schema_url: String::new(),
                }],
            }
            .encode_to_vec(),
        });
        traces.chain(logs).collect()
    }
}

/// Spans of one scope stand together.
fn merge(sent: &mut Vec<ScopeSpans>, mut spans: ScopeSpans) {
    match sent.iter_mut().find(|sent| sent.scope == spans.scope) {
        Some(sent) => sent.spans.append(&mut spans.spans),
        None => sent.push(spans),
    }
}
