//! What burgee's own metrics are about: this process.

/// The resource of burgee's own telemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Vec<(String, String)>);

impl Default for Resource {
    /// The attributes that the Collector gives itself, too: name, version, and an id that is this process's alone.
    fn default() -> Self {
        let attributes = [
            ("service.name", "burgee".to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", instance_id()),
        ];
        Resource(attributes.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl Resource {
    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Takes an attribute away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub fn attributes(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A random UUID (RFC 9562, version 4); the same as long as the process lives.
fn instance_id() -> String {
    static ID: std::sync::LazyLock<u128> = std::sync::LazyLock::new(|| fastrand::u128(..));
    let id = *ID & !(0xf << 76) | 4 << 76;
    let id = id & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
