//! What component authors see: items, attributes and values, as views into a payload.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Signal;
use super::check::{usual_ids, usual_scalars};
use super::schema::{self, Kind, Message, Part, Role};
use super::watch::Watched;
use super::wire::{self, Fields, Raw, Wire};

/// A checked export request of one signal. Cloning is a reference count.
///
/// Made only by [`super::check()`], [`super::Edits::apply`], [`super::split`].
#[derive(Clone)]
pub struct Payload {
    bytes: Bytes,
    signal: Signal,
    items: u64,
    watched: Watched,
    /// The items with watched words, if it is known that there are none elsewhere.
    hits: Option<Arc<[u32]>>,
    opaque: bool,
}

impl Payload {
    pub(super) fn new(bytes: Bytes, signal: Signal, items: u64, watched: Watched, opaque: bool) -> Self {
        Payload { bytes, signal, items, watched, hits: None, opaque }
    }

    pub(super) fn with_hits(self, hits: Option<Arc<[u32]>>) -> Self {
        Payload { hits, ..self }
    }

    /// The same payload, about whose words nothing is known: the door looked out for others.
    pub fn unwatched(self) -> Self {
        Payload { watched: Watched::Unknown, hits: None, ..self }
    }

    /// The encoded `Export…ServiceRequest`.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Spans, data points or log records.
    pub fn len(&self) -> u64 {
        self.items
    }

    /// Whether there is no item in it. Its bytes may be more than none.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether words of the door's watchlist occur.
    pub fn watched(&self) -> Watched {
        self.watched
    }

    /// The items in which words of the door's watchlist occur, by their place among all items from 0; `None` where
    /// it is not known, and all of them have to be looked at.
    pub fn watched_items(&self) -> Option<&[u32]> {
        self.hits.as_deref()
    }

    /// Whether the request has unknown fields at its top. Such a request is never merged or split.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Whether both are the very same bytes in memory.
    pub fn is_same(&self, other: &Payload) -> bool {
        self.bytes.as_ptr() == other.bytes.as_ptr() && self.bytes.len() == other.bytes.len()
    }

    /// The same in a buffer of its own: whoever keeps it holds nothing of what its memory was charged to.
    pub fn copied(&self) -> Payload {
        Payload { bytes: Bytes::copy_from_slice(&self.bytes), ..self.clone() }
    }

    /// Ties `guard` to the buffer: it is dropped with the buffer's last reference anywhere.
    pub fn guarded<G: Send + Sync + 'static>(self, guard: G) -> Payload {
        let bytes = Bytes::from_owner(Guarded { bytes: self.bytes, _guard: guard });
        Payload { bytes, ..self }
    }

    /// All items, in the order in which they stand.
    pub fn items(&self) -> Items<'_> {
        Items::new(&self.bytes, schema::request(self.signal))
    }
}

impl fmt::Debug for Payload {
    /// Sizes only: telemetry never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} items, {} bytes)", self.signal, self.items, self.bytes.len())
    }
}

struct Guarded<G> {
    bytes: Bytes,
    _guard: G,
}

impl<G> AsRef<[u8]> for Guarded<G> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where an item, event, resource or scope starts in its payload. Valid for that payload only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub(super) usize);

/// One message of a payload.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub buf: &'a [u8],
    pub message: &'static Message,
    pub start: usize,
    pub body: usize,
    pub end: usize,
}

impl<'a> Node<'a> {
    fn child(&self, message: &'static Message, raw: Raw) -> Node<'a> {
        Node { buf: self.buf, message, start: raw.start, body: raw.body, end: raw.end }
    }

    fn fields(&self) -> Fields<'a> {
        Fields::new(self.buf, self.body, self.end)
    }

    /// The last occurrence of a field, which is the one that counts.
    fn last(&self, number: u32) -> Option<Raw> {
        self.fields().filter(|raw| raw.number == number).last()
    }

    fn text(&self, number: u32) -> &'a str {
        self.last(number).map_or("", |raw| text(raw.bytes(self.buf)))
    }

    fn bytes(&self, number: u32) -> &'a [u8] {
        self.last(number).map_or(&[], |raw| raw.bytes(self.buf))
    }

    fn number(&self, number: u32) -> u64 {
        self.last(number).map_or(0, |raw| number_of(self.buf, raw))
    }

    fn attributes(&self) -> Attributes<'a> {
        let number = self.message.attributes;
        Attributes { body: &self.buf[self.body..self.end], number }
    }
}

/// Where a message lies in its payload, which is smaller than 4 GiB.
#[derive(Clone, Copy, Default)]
struct Place {
    start: u32,
    body: u32,
    end: u32,
}

impl Place {
    fn of(node: &Node<'_>) -> Place {
        Place { start: node.start as u32, body: node.body as u32, end: node.end as u32 }
    }

    fn node<'a>(self, buf: &'a [u8], message: &'static Message) -> Node<'a> {
        let Place { start, body, end } = self;
        Node { buf, message, start: start as usize, body: body as usize, end: end as usize }
    }
}

/// What an item belongs to: the resource of its group, in any signal.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// The group; the resource itself may be absent.
    pub(super) group: Node<'a>,
}

impl<'a> Resource<'a> {
    pub fn id(&self) -> ItemId {
        ItemId(self.group.start)
    }

    pub fn attributes(&self) -> Attributes<'a> {
        match self.group.last(HEADER) {
            Some(raw) => self.group.child(&schema::RESOURCE, raw).attributes(),
            None => Attributes { body: &[], number: schema::RESOURCE.attributes },
        }
    }

    /// The attribute `service.name`, if it is text.
    pub fn service_name(&self) -> Option<&'a str> {
        self.attributes().text("service.name")
    }
}

/// The instrumentation scope of an item.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    group: Node<'a>,
}

impl<'a> Scope<'a> {
    pub fn id(&self) -> ItemId {
        ItemId(self.group.start)
    }

    /// Empty if there is none.
    pub fn name(&self) -> &'a str {
        self.header().map_or("", |scope| scope.text(1))
    }

    pub fn version(&self) -> &'a str {
        self.header().map_or("", |scope| scope.text(2))
    }

    pub fn attributes(&self) -> Attributes<'a> {
        self.header().map_or(Attributes::EMPTY, |scope| scope.attributes())
    }

    fn header(&self) -> Option<Node<'a>> {
        self.group.last(HEADER).map(|raw| self.group.child(&schema::SCOPE, raw))
    }
}

/// The metric that a data point belongs to.
#[derive(Clone, Copy)]
pub struct Metric<'a> {
    node: Node<'a>,
}

impl<'a> Metric<'a> {
    pub fn id(&self) -> ItemId {
        ItemId(self.node.start)
    }

    pub fn name(&self) -> &'a str {
        self.node.text(1)
    }

    pub fn unit(&self) -> &'a str {
        self.node.text(3)
    }

    pub fn description(&self) -> &'a str {
        self.node.text(2)
    }

    /// Which kind of data points it has; the last member of the oneof counts.
    pub fn data(&self) -> MetricData {
        let kinds = self.node.fields().filter_map(|raw| match raw.number {
            5 => Some(MetricData::Gauge),
            7 => Some(MetricData::Sum),
            9 => Some(MetricData::Histogram),
            10 => Some(MetricData::ExponentialHistogram),
            11 => Some(MetricData::Summary),
            _ => None,
        });
        kinds.last().unwrap_or(MetricData::Empty)
    }
}

/// What a metric's data points are, numbered as the OpenTelemetry Collector's `METRIC_DATA_TYPE_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricData {
    Empty = 0,
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

/// A span, a log record or a data point.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    pub(super) node: Node<'a>,
    resource: Place,
    scope: Place,
    metric: Option<Place>,
}

impl<'a> Item<'a> {
    pub fn id(&self) -> ItemId {
        ItemId(self.node.start)
    }

    pub fn resource(&self) -> Resource<'a> {
        Resource { group: self.resource.node(self.node.buf, &schema::RESOURCE_SPANS) }
    }

    pub fn scope(&self) -> Scope<'a> {
        Scope { group: self.scope.node(self.node.buf, &schema::SCOPE_SPANS) }
    }

    /// Of a data point.
    pub fn metric(&self) -> Option<Metric<'a>> {
        self.metric.map(|place| Metric { node: place.node(self.node.buf, &schema::METRIC) })
    }

    pub fn attributes(&self) -> Attributes<'a> {
        self.node.attributes()
    }

    /// A span's name, a log record's event name (field 12), a data point's metric name; may be empty.
    pub fn name(&self) -> &'a str {
        match self.is() {
            Is::Span => self.node.text(5),
            Is::Log => self.node.text(12),
            Is::Point => self.metric().map_or("", |metric| metric.name()),
        }
    }

    /// 16 bytes; empty where there is none.
    pub fn trace_id(&self) -> &'a [u8] {
        match self.is() {
            Is::Span => self.node.bytes(1),
            Is::Log => self.node.bytes(9),
            Is::Point => &[],
        }
    }

    /// 8 bytes; empty where there is none.
    pub fn span_id(&self) -> &'a [u8] {
        match self.is() {
            Is::Span => self.node.bytes(2),
            Is::Log => self.node.bytes(10),
            Is::Point => &[],
        }
    }

    /// 8 bytes; empty for a root span and for everything that is no span.
    pub fn parent_span_id(&self) -> &'a [u8] {
        match self.is() {
            Is::Span => self.node.bytes(4),
            _ => &[],
        }
    }

    /// The W3C trace state of a span; may be empty.
    pub fn trace_state(&self) -> &'a str {
        match self.is() {
            Is::Span => self.node.text(3),
            _ => "",
        }
    }

    /// The singular fields of a span that say what it is, and its attributes, in one walk. Of an item that is no span
    /// all are empty.
    pub fn outline(&self, mut attribute: impl FnMut(Pair<'a>)) -> Outline<'a> {
        let mut outline = Outline::default();
        let mut fields = match self.is() {
            Is::Span => self.node.fields(),
            _ => Fields::new(self.node.buf, 0, 0),
        };
        while let Some(raw) = fields.step() {
            let bytes = raw.bytes(self.node.buf);
            // by far the most frequent: a branch of its own is predicted, a place in a jump table is not
            if raw.number == ATTRIBUTES {
                attribute(Pair::read(bytes));
                continue;
            }
            match raw.number {
                1 => outline.trace_id = bytes,
                2 => outline.span_id = bytes,
                4 => outline.parent_span_id = bytes,
                5 => outline.name = text(bytes),
                6 => outline.kind = number_of(self.node.buf, raw) as i32,
                EVENTS => outline.has_events = true,
                _ => {}
            }
        }
        outline
    }

    /// Trace id, span id and parent span id of a span, in one walk; of an item that is no span all are empty.
    pub fn lineage(&self) -> [&'a [u8]; 3] {
        let mut ids = [&[][..]; 3];
        if let Is::Span = self.is() {
            let span = &self.node.buf[self.node.body..self.node.end];
            // without a parent there, it may stand behind something else
            if let Some((WITH_PARENT, _)) = usual_ids(span) {
                return [&span[2..18], &span[20..28], &span[30..38]];
            }
            let mut missing = 3;
            for raw in self.node.fields() {
                let place = match raw.number {
                    1 => 0,
                    2 => 1,
                    4 => 2,
                    _ => continue,
                };
                ids[place] = raw.bytes(self.node.buf);
                missing -= 1;
                // the door leaves one of each
                if missing == 0 {
                    break;
                }
            }
        }
        ids
    }

    /// What a span says beside its ids and times; `None` for a span that is laid out in an unusual way, and for
    /// everything that is no span.
    pub fn saying(&self) -> Option<Saying<'a>> {
        let Is::Span = self.is() else { return None };
        let span = &self.node.buf[self.node.body..self.node.end];
        let (after, _) = usual_ids(span)?;
        let (_, head, tail) = usual_scalars(&span[after..])?;
        Some(Saying { ids: self.lineage(), head, tail })
    }

    /// `SpanKind` as a number: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub fn kind(&self) -> i32 {
        match self.is() {
            Is::Span => self.node.number(6) as i32,
            _ => 0,
        }
    }

    /// The flags of a span: the lowest 8 bits are those of its W3C context, bit 8 says whether bit 9 is known, and that says
    /// whether the parent is in another process (opentelemetry-proto 1.1, `SpanFlags`).
    pub fn flags(&self) -> u32 {
        match self.is() {
            Is::Span => self.node.number(16) as u32,
            _ => 0,
        }
    }

    /// Start of a span, time of a log record or data point; nanoseconds since the epoch, 0 if unknown.
    pub fn time_unix_nano(&self) -> u64 {
        match self.is() {
            Is::Span => self.node.number(7),
            Is::Log => self.node.number(1),
            Is::Point => self.node.number(3),
        }
    }

    /// End of a span; nanoseconds since the epoch.
    pub fn end_time_unix_nano(&self) -> u64 {
        match self.is() {
            Is::Span => self.node.number(8),
            _ => 0,
        }
    }

    /// `StatusCode` of a span as a number: 0 unset, 1 ok, 2 error.
    pub fn status_code(&self) -> i32 {
        match (self.is(), self.node.last(15)) {
            (Is::Span, Some(raw)) => self.node.child(&schema::STATUS, raw).number(3) as i32,
            _ => 0,
        }
    }

    /// What a span's status says, for developers; may be empty.
    pub fn status_message(&self) -> &'a str {
        match (self.is(), self.node.last(15)) {
            (Is::Span, Some(raw)) => self.node.child(&schema::STATUS, raw).text(2),
            _ => "",
        }
    }

    /// The severity of a log record in its source's own word; may be empty.
    pub fn severity_text(&self) -> &'a str {
        match self.is() {
            Is::Log => self.node.text(3),
            _ => "",
        }
    }

    /// `SeverityNumber` of a log record: 0 unspecified, then four numbers for each of trace, debug, info, warn,
    /// error, fatal.
    pub fn severity_number(&self) -> i32 {
        match self.is() {
            Is::Log => self.node.number(2) as i32,
            _ => 0,
        }
    }

    /// What was measured, of a data point; `None` also for a point that says there was nothing.
    pub fn reading(&self) -> Option<Reading> {
        let number = |number: u32| self.node.last(number).map(|raw| number_of(self.node.buf, raw));
        match self.is() {
            Is::Point if std::ptr::eq(self.node.message, &schema::NUMBER_DATA_POINT) => {
                // the members of a oneof: the last of either counts
                let said = self.node.fields().filter(|raw| matches!(raw.number, 4 | 6)).last()?;
                let bits = number_of(self.node.buf, said);
                Some(if said.number == 4 {
                    Reading::Double(f64::from_bits(bits))
                } else {
                    Reading::Int(bits as i64)
                })
            }
            Is::Point => {
                let count = number(4).unwrap_or_default();
                Some(Reading::Distribution { count, sum: number(5).map(f64::from_bits) })
            }
            Is::Span | Is::Log => None,
        }
    }

    /// The body of a log record.
    pub fn log_body(&self) -> Option<Value<'a>> {
        match self.is() {
            Is::Log => self.node.last(5).map(|raw| Value::read(raw.bytes(self.node.buf))),
            _ => None,
        }
    }

    /// The events of a span.
    pub fn events(&self) -> Events<'a> {
        let fields = match self.is() {
            Is::Span => self.node.fields(),
            _ => Fields::new(self.node.buf, 0, 0),
        };
        Events { buf: self.node.buf, fields }
    }

    /// The signal whose item it is.
    pub fn signal(&self) -> Signal {
        match self.is() {
            Is::Span => Signal::Traces,
            Is::Log => Signal::Logs,
            Is::Point => Signal::Metrics,
        }
    }

    fn is(&self) -> Is {
        if std::ptr::eq(self.node.message, &schema::SPAN) {
            Is::Span
        } else if std::ptr::eq(self.node.message, &schema::LOG_RECORD) {
            Is::Log
        } else {
            Is::Point
        }
    }
}

/// What a span is, without its attributes; see [`Item::outline`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline<'a> {
    /// 16 bytes.
    pub trace_id: &'a [u8],
    /// 8 bytes.
    pub span_id: &'a [u8],
    /// 8 bytes; empty for a root span.
    pub parent_span_id: &'a [u8],
    pub name: &'a str,
    /// As [`Item::kind`].
    pub kind: i32,
    pub has_events: bool,
}

enum Is {
    Span,
    Log,
    Point,
}

/// What a data point measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    Int(i64),
    Double(f64),
    /// Of a histogram (exponential or not) or a summary.
    Distribution {
        count: u64,
        sum: Option<f64>,
    },
}

/// A span taken apart: of two whose `head` and `tail` are the same bytes, all is the same but ids and times.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// Trace id, span id and parent span id, the last of which may be empty.
    pub ids: [&'a [u8]; 3],
    /// Name and kind, as they are encoded.
    pub head: &'a [u8],
    /// Everything behind the times, as it is encoded: attributes, events, links, status.
    pub tail: &'a [u8],
}

/// All items of a payload.
#[derive(Clone)]
pub struct Items<'a> {
    buf: &'a [u8],
    /// The messages that are open, outermost first, each with what is left of its fields.
    open: [(&'static Message, Fields<'a>); LEVELS],
    places: [Place; LEVELS],
    depth: usize,
    /// The field that is an item, of the innermost one that is open.
    listed: Option<(u32, &'static Message)>,
}

impl<'a> Items<'a> {
    fn new(buf: &'a [u8], request: &'static Message) -> Self {
        let node = Node { buf, message: request, start: 0, body: 0, end: buf.len() };
        let open = [(request, node.fields()); LEVELS];
        Items { buf, open, places: [Place::default(); LEVELS], depth: 0, listed: None }
    }

    /// The next item of the innermost message.
    #[inline]
    fn sibling(&mut self) -> Option<Item<'a>> {
        let (number, message) = self.listed?;
        let fields = &mut self.open[self.depth].1;
        let raw = loop {
            let raw = fields.step()?;
            if raw.number == number {
                break raw;
            }
        };
        let node = Node { buf: self.buf, message, start: raw.start, body: raw.body, end: raw.end };
        let metric = (self.depth >= METRIC_LEVEL).then(|| self.places[METRIC_LEVEL]);
        Some(Item { node, resource: self.places[1], scope: self.places[2], metric })
    }

    /// Opens the next message on the way to items, closing what is at its end. `None` at the end of all.
    fn descend(&mut self) -> Option<()> {
        self.listed = None;
        loop {
            let (message, fields) = &mut self.open[self.depth];
            let Some(raw) = fields.next() else {
                self.depth = self.depth.checked_sub(1)?;
                continue;
            };
            let Some(field) = message.field(raw.number) else { continue };
            let (Role::List, Kind::Message(message)) = (field.role, field.kind) else { continue };
            let node = Node { buf: self.buf, message, start: raw.start, body: raw.body, end: raw.end };
            self.depth += 1;
            self.open[self.depth] = (message, node.fields());
            self.places[self.depth] = Place::of(&node);
            self.listed = match message.field(message.list).map(|field| field.kind) {
                Some(Kind::Message(item)) if item.part == Part::Item => Some((message.list, item)),
                _ => None,
            };
            if self.listed.is_some() {
                return Some(());
            }
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some(item) = self.sibling() {
                return Some(item);
            }
            self.descend()?;
        }
    }
}

/// Request, resource group, scope group, metric, metric data.
const LEVELS: usize = 5;
const METRIC_LEVEL: usize = 3;
/// Resource and scope are field 1 of their groups in every signal.
const HEADER: u32 = 1;

/// An event on a span.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub(super) node: Node<'a>,
}

impl<'a> Event<'a> {
    pub fn id(&self) -> ItemId {
        ItemId(self.node.start)
    }

    pub fn name(&self) -> &'a str {
        self.node.text(2)
    }

    /// Nanoseconds since the epoch.
    pub fn time_unix_nano(&self) -> u64 {
        self.node.number(1)
    }

    pub fn attributes(&self) -> Attributes<'a> {
        self.node.attributes()
    }
}

/// The events of a span, in their order.
#[derive(Clone)]
pub struct Events<'a> {
    buf: &'a [u8],
    fields: Fields<'a>,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let raw = self.fields.find(|raw| raw.number == EVENTS)?;
        let node =
            Node { buf: self.buf, message: &schema::EVENT, start: raw.start, body: raw.body, end: raw.end };
        Some(Event { node })
    }
}

/// Where the ids of a span end that begins with all three.
const WITH_PARENT: usize = 38;
/// `Span.attributes`.
const ATTRIBUTES: u32 = 9;
/// `Span.events`.
const EVENTS: u32 = 11;

/// Key-value pairs: of an item, an event, a resource, a scope, or a map value.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    body: &'a [u8],
    /// The field that an attribute is.
    pub(super) number: u32,
}

impl<'a> Attributes<'a> {
    pub(super) const EMPTY: Attributes<'static> = Attributes { body: &[], number: 0 };

    /// The value of the first attribute of this key, as in the OpenTelemetry Collector (the data model forbids
    /// a second one).
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.pairs().find(|pair| pair.key() == key.as_bytes()).map(|pair| pair.value())
    }

    /// The text of the first attribute of this key, if it is text.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        match self.get(key) {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// All pairs in their order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        self.pairs().map(|pair| (text(pair.key()), pair.value()))
    }

    /// All pairs in their order, duplicates included, each to be read when it turns out to matter.
    #[inline]
    pub fn pairs(&self) -> impl Iterator<Item = Pair<'a>> + use<'a> {
        self.raw().map(Pair::read)
    }

    #[inline]
    fn raw(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Attributes { body, number } = *self;
        Fields::new(body, 0, body.len())
            .filter(move |raw| raw.number == number)
            .map(move |raw| raw.bytes(body))
    }

    /// The encoded message body of a map, for copying it as it is.
    pub(super) fn encoded(&self) -> &'a [u8] {
        self.body
    }
}

/// An attribute whose value has not been read yet.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    key: &'a [u8],
    /// The encoded `AnyValue`; empty if there is none.
    value: &'a [u8],
}

impl<'a> Pair<'a> {
    /// The layout of every encoder is `0a kl key 12 vl value`; whatever else is legal goes the general way.
    #[inline]
    pub(super) fn read(kv: &'a [u8]) -> Pair<'a> {
        if let [0x0a, key_len @ ..0x80, rest @ ..] = kv
            && let Some((key, [0x12, value_len @ ..0x80, value @ ..])) =
                rest.split_at_checked(usize::from(*key_len))
            && value.len() == usize::from(*value_len)
        {
            return Pair { key, value };
        }
        let last = |number| {
            let of_number = Fields::new(kv, 0, kv.len()).filter(|raw| raw.number == number);
            of_number.last().map_or(&kv[..0], |raw| raw.bytes(kv))
        };
        Pair { key: last(1), value: last(2) }
    }

    /// The bytes of the key, which are UTF-8.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    pub fn value(&self) -> Value<'a> {
        Value::read(self.value)
    }

    pub(super) fn encoded_value(&self) -> &'a [u8] {
        self.value
    }
}

impl PartialEq for Attributes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The elements of an array value.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    body: &'a [u8],
}

impl<'a> Values<'a> {
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let body = self.body;
        Fields::new(body, 0, body.len())
            .filter(|raw| raw.number == 1)
            .map(move |raw| Value::read(raw.bytes(body)))
    }

    pub(super) fn encoded(&self) -> &'a [u8] {
        self.body
    }
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// An `AnyValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No member set: the null of OTLP.
    Empty,
    Str(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(Values<'a>),
    Map(Attributes<'a>),
}

impl<'a> Value<'a> {
    /// Reads the body of an `AnyValue`; the last known member counts.
    pub(super) fn read(body: &'a [u8]) -> Value<'a> {
        if let [0x0a, len @ ..0x80, bytes @ ..] = body
            && bytes.len() == usize::from(*len)
        {
            return Value::Str(text(bytes));
        }
        let mut value = Value::Empty;
        for raw in Fields::new(body, 0, body.len()) {
            let bytes = raw.bytes(body);
            value = match raw.number {
                1 => Value::Str(text(bytes)),
                2 => Value::Bool(number_of(body, raw) != 0),
                3 => Value::Int(number_of(body, raw) as i64),
                4 => Value::Double(f64::from_bits(number_of(body, raw))),
                5 => Value::Array(Values { body: bytes }),
                6 => Value::Map(Attributes { body: bytes, number: 1 }),
                7 => Value::Bytes(bytes),
                // an index into a table that only profiles have: as good as absent
                8 => Value::Empty,
                _ => value,
            };
        }
        value
    }
}

#[inline]
pub(super) fn text(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok(), "check() proved that strings are UTF-8");
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The number in a varint or fixed field.
pub(super) fn number_of(buf: &[u8], raw: Raw) -> u64 {
    let bytes = raw.bytes(buf);
    match raw.wire {
        Wire::Varint => wire::varint(buf, &mut { raw.body }, raw.end).unwrap_or_default(),
        Wire::Fixed64 => bytes.try_into().map_or(0, u64::from_le_bytes),
        Wire::Fixed32 => bytes.try_into().map_or(0, u32::from_le_bytes).into(),
        Wire::Len | Wire::Group => 0,
    }
}
