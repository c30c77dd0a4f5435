//! What the door looks out for: words that components of the reached pipelines want to know about.

use memchr::memmem::Finder;

/// Names and URL parts whose occurrence makes a payload worth a look.
///
/// Components hand theirs to the door when they are built; [`super::check()`] notes whether any occurs.
#[derive(Clone, Debug, Default)]
pub struct Watchlist {
    keys: Words,
    spans: Words,
    events: Words,
    scopes: Words,
}

/// What is known about the words of a [`Watchlist`] in a payload.
///
/// May say [`Watched::Yes`] too often, never [`Watched::No`] too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// None of them occurs.
    No,
    Yes,
    /// The payload was edited since it was looked at.
    Unknown,
}

impl Watchlist {
    /// An attribute key.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.keys.add(key, Rule::Exact);
        self
    }

    /// The beginning of an attribute key.
    pub fn key_prefix(&mut self, prefix: &str) -> &mut Self {
        self.keys.add(prefix, Rule::Prefix);
        self
    }

    /// An attribute of this key whose text contains `part`.
    pub fn url(&mut self, key: &str, part: &str) -> &mut Self {
        self.keys.add(key, Rule::Contains(Box::new(Finder::new(part).into_owned())));
        self
    }

    /// A span's name.
    pub fn span(&mut self, name: &str) -> &mut Self {
        self.spans.add(name, Rule::Exact);
        self
    }

    /// The name of a span event or of a log record's event.
    pub fn event(&mut self, name: &str) -> &mut Self {
        self.events.add(name, Rule::Exact);
        self
    }

    /// The name of an instrumentation scope.
    pub fn scope(&mut self, name: &str) -> &mut Self {
        self.scopes.add(name, Rule::Exact);
        self
    }

    /// Takes over the words of another component.
    pub fn extend(&mut self, other: &Watchlist) -> &mut Self {
        self.keys.extend(&other.keys);
        self.spans.extend(&other.spans);
        self.events.extend(&other.events);
        self.scopes.extend(&other.scopes);
        self
    }

    /// Whether there is nothing to look out for.
    pub fn is_empty(&self) -> bool {
        [&self.keys, &self.spans, &self.events, &self.scopes].iter().all(|words| words.is_empty())
    }

    /// Whether an attribute is watched; `text` is its value if that is text, `None` if nobody looked.
    #[inline(always)]
    pub(super) fn sees_attribute(&self, key: &[u8], text: Option<&[u8]>) -> bool {
        self.keys.find(key, text)
    }

    #[inline]
    pub(super) fn sees_span(&self, name: &[u8]) -> bool {
        self.spans.find(name, None)
    }

    #[inline]
    pub(super) fn sees_event(&self, name: &[u8]) -> bool {
        self.events.find(name, None)
    }

    #[inline]
    pub(super) fn sees_scope(&self, name: &[u8]) -> bool {
        self.scopes.find(name, None)
    }
}

/// Words by their first byte, so that nearly every key costs one look into a table.
#[derive(Clone, Debug)]
struct Words {
    /// For each first byte, one bit for each length that a name has to have to be one of them; the highest for all
    /// greater ones.
    lengths: Box<[u64; 256]>,
    /// For each first byte, how many words begin with a smaller one: there its own begin.
    starts: Box<[u16; 257]>,
    words: Vec<Word>,
}

impl Default for Words {
    fn default() -> Self {
        Words { lengths: Box::new([0; 256]), starts: Box::new([0; 257]), words: Vec::new() }
    }
}

#[derive(Clone, Debug)]
struct Word {
    text: Box<[u8]>,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Exact,
    Prefix,
    Contains(Box<Finder<'static>>),
}

impl Words {
    fn add(&mut self, text: &str, rule: Rule) {
        let Some(&first) = text.as_bytes().first() else { return };
        let word = Word { text: text.as_bytes().into(), rule };
        if !self.words.iter().any(|known| known.same(&word)) {
            let own = length_bit(text.len());
            // whatever begins so is at least as long
            self.lengths[usize::from(first)] |=
                if matches!(word.rule, Rule::Prefix) { !(own - 1) } else { own };
            self.words.insert(usize::from(self.starts[usize::from(first) + 1]), word);
            self.starts[usize::from(first) + 1..].iter_mut().for_each(|start| *start += 1);
        }
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn extend(&mut self, other: &Words) {
        for word in &other.words {
            let text = std::str::from_utf8(&word.text).expect("words are added as str");
            self.add(text, word.rule.clone());
        }
    }

    #[inline(always)]
    fn find(&self, name: &[u8], text: Option<&[u8]>) -> bool {
        let Some(&first) = name.first() else { return false };
        self.lengths[usize::from(first)] & length_bit(name.len()) != 0 && self.find_of(first, name, text)
    }

    #[inline(never)]
    fn find_of(&self, first: u8, name: &[u8], text: Option<&[u8]>) -> bool {
        let [start, end] = [0, 1].map(|more| usize::from(self.starts[usize::from(first) + more]));
        self.words[start..end].iter().any(|word| word.fits(name, text))
    }
}

#[inline]
fn length_bit(len: usize) -> u64 {
    1 << len.min(63)
}

impl Word {
    fn same(&self, other: &Word) -> bool {
        let rules = match (&self.rule, &other.rule) {
            (Rule::Exact, Rule::Exact) | (Rule::Prefix, Rule::Prefix) => true,
            (Rule::Contains(one), Rule::Contains(two)) => one.needle() == two.needle(),
            _ => false,
        };
        rules && self.text == other.text
    }

    fn fits(&self, name: &[u8], text: Option<&[u8]>) -> bool {
        match &self.rule {
            Rule::Exact => name == &*self.text,
            Rule::Prefix => name.starts_with(&self.text),
            Rule::Contains(part) => name == &*self.text && text.is_none_or(|text| part.find(text).is_some()),
        }
    }
}
