use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label as WireLabel, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

use crate::otlp::Signal;
use crate::otlp::schema::{self, Kind, Label, Message};

#[test]
fn the_table_says_what_the_proto_files_say() {
    let files = FileDescriptorSet::decode(opentelemetry_proto::DESCRIPTORS).expect("descriptors");
    let mut described = Vec::new();
    for file in &files.file {
        collect(&format!(".{}", file.package()), &file.message_type, &mut described);
    }
    let mut enums = Vec::new();
    for file in &files.file {
        let own = |e| (format!(".{}", file.package()), e);
        enums.extend(file.enum_type.iter().map(own).map(named));
    }
    for (name, message) in &described {
        enums.extend(message.enum_type.iter().map(|e| (name.clone(), e)).map(named));
    }
    let mut compared = BTreeSet::new();
    for (signal, name) in [
        (Signal::Traces, ".opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest"),
        (Signal::Metrics, ".opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest"),
        (Signal::Logs, ".opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest"),
    ] {
        compare(schema::request(signal), name, &described, &enums, &mut compared);
    }
    assert_eq!(compared.len(), 34, "{compared:#?}");
}

fn named((prefix, described): (String, &EnumDescriptorProto)) -> (String, &EnumDescriptorProto) {
    (format!("{prefix}.{}", described.name()), described)
}

fn collect<'d>(prefix: &str, messages: &'d [DescriptorProto], out: &mut Vec<(String, &'d DescriptorProto)>) {
    for message in messages {
        let name = format!("{prefix}.{}", message.name());
        collect(&name, &message.nested_type, out);
        out.push((name, message));
    }
}

fn compare(
    message: &'static Message,
    name: &str,
    described: &[(String, &DescriptorProto)],
    enums: &[(String, &EnumDescriptorProto)],
    done: &mut BTreeSet<String>,
) {
    if !done.insert(name.to_owned()) {
        return;
    }
    let (_, truth) = described.iter().find(|(other, _)| other == name).expect("described");
    assert_eq!(message.name, truth.name());
    assert_eq!(message.fields.len(), truth.field.len(), "{name}");
    for field in &truth.field {
        let ours = message.field(field.number() as u32).unwrap_or_else(|| panic!("{name}: {field:?}"));
        assert_eq!(ours.name, camel(field.name()), "{name}");
        let label = match field.label() {
            WireLabel::Repeated => Label::Many,
            _ if field.oneof_index.is_some() && !field.proto3_optional() => Label::OneOf,
            _ => Label::One,
        };
        assert!(ours.label == label, "{name}.{}", ours.name);
        let has_presence = field.proto3_optional() && !matches!(ours.kind, Kind::Double);
        assert!(!has_presence, "{name}.{}: reading JSON counts on doubles only to have it", ours.name);
        match (ours.kind, field.r#type()) {
            (Kind::Message(child), Type::Message) => {
                compare(child, field.type_name(), described, enums, done);
            }
            (Kind::Bool, Type::Bool)
            | (Kind::Int32, Type::Int32)
            | (Kind::Int64, Type::Int64)
            | (Kind::Uint32, Type::Uint32)
            | (Kind::Uint64, Type::Uint64)
            | (Kind::Sint32, Type::Sint32)
            | (Kind::Fixed32, Type::Fixed32)
            | (Kind::Fixed64, Type::Fixed64)
            | (Kind::Sfixed64, Type::Sfixed64)
            | (Kind::Double, Type::Double)
            | (Kind::String, Type::String)
            | (Kind::Bytes | Kind::Id(_), Type::Bytes) => {}
            (Kind::Enum(names), Type::Enum) => {
                let (_, truth) =
                    enums.iter().find(|(other, _)| other == field.type_name()).expect("described");
                let truth: Vec<_> = truth.value.iter().map(|value| (value.name(), value.number())).collect();
                assert_eq!(names.iter().copied().zip(0..).collect::<Vec<_>>(), truth, "{name}.{}", ours.name);
            }
            (_, truth) => panic!("{name}.{} is {truth:?}", ours.name),
        }
    }
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let (head, tail) = word.split_at(1.min(word.len()));
        name.push_str(&head.to_uppercase());
        name.push_str(tail);
        name
    })
}
