use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::otlp::Payload;
use crate::processors::trials::{attributes, spans};

fn mistake(text: &str) -> String {
    parse(text, &mut PathNames::In(Context::Span)).expect_err(text).show(text)
}

fn payload() -> Payload {
    let map = json!({"i": 5, "d": 5.0, "s": "five", "b": true, "list": ["x", "y"]});
    spans([json!({"name": "n", "attributes": attributes(&map)})])
}

fn holds(text: &str) -> bool {
    let condition =
        parse(text, &mut PathNames::In(Context::Span)).unwrap_or_else(|m| panic!("{}", m.show(text)));
    let payload = payload();
    let mut items = payload.items();
    let item = items.next().expect("a span");
    condition.holds(&Subject { item, event: None, following: &items })
}

#[test]
fn not_binds_closer_than_and_and_and_closer_than_or() {
    assert!(holds("true or false and false"));
    assert!(!holds("(true or false) and false"));
    assert!(holds("not false and true"));
    assert!(!holds("not (false or true)"));
    assert!(holds("false or not false and not (true and false)"));
}

#[test]
fn values_are_compared_by_their_types() {
    for condition in [
        "attributes[\"i\"] == 5",
        "attributes[\"i\"] == 5.0",
        "5 <= attributes[\"d\"]",
        "attributes[\"i\"] == attributes[\"d\"]",
        "attributes[\"i\"] != \"5\"",
        "attributes[\"i\"] > -1.5e1",
        "attributes[\"s\"] < \"six\"",
        "attributes[\"b\"] > false",
        "attributes[\"no\"] == nil",
        "attributes[\"no\"] != 1",
        "nil != attributes[\"s\"]",
        "nil == nil and nil <= nil and nil >= nil",
        "attributes[\"list\"][1] == \"y\"",
        "attributes[\"list\"] == attributes[\"list\"]",
        "attributes[\"list\"][7] == nil",
        "attributes[\"s\"][\"k\"] == nil",
        "IsMatch(attributes[\"i\"], \"^5$\")",
        "IsMatch(attributes[\"list\"], \"x.*y\")",
        "IsMatch(name, \"n\") == true",
        "true or HasPrefix(attributes[\"no\"], \"5\")",
        "not (false and HasPrefix(attributes[\"no\"], \"5\"))",
        "HasPrefix(attributes[\"s\"], \"fi\") and HasSuffix(attributes[\"s\"], \"ve\")",
        "kind.string == \"Unspecified\" and kind == SPAN_KIND_UNSPECIFIED",
        "name == \"\\x6e\" and name == \"\\u006e\" and name == \"\\156\"",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in [
        "attributes[\"i\"] < \"5\"",
        "attributes[\"no\"] < 5",
        "5 > attributes[\"no\"]",
        "attributes[\"list\"] < attributes[\"list\"]",
        "IsMatch(attributes[\"no\"], \".*\")",
        "HasPrefix(attributes[\"i\"], \"5\")",
        // no answer is none with a `not` in front of it, either
        "not HasPrefix(attributes[\"no\"], \"5\")",
        "not HasSuffix(attributes[\"i\"], \"5\")",
        "HasPrefix(attributes[\"no\"], \"5\") != true",
        "HasPrefix(attributes[\"no\"], \"5\") or true",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn every_mistake_says_where_it_is_and_what_there_is() {
    for (text, message) in [
        ("", "column 1, at its end: expected a path, a text, a number, true, false, nil or a function"),
        ("name ==", "column 8, at its end: expected a path"),
        ("name", "column 1, at \"name\": a path alone is no condition"),
        ("name == 'a'", "column 9, at \"'a'\": texts stand in double quotes"),
        ("name == \"a", "column 9, at \"\"a\": the text has no closing quote"),
        ("name == \"a\" && true", "column 13, at \"&& true\": write \"and\" instead of \"&&\""),
        ("name == \"a\" AND true", "column 13, at \"AND true\": write \"and\" in small letters"),
        ("(true", "column 6, at its end: the parenthesis is not closed: expected \")\", found the end"),
        ("true)", "column 5, at \")\": this parenthesis closes nothing"),
        (
            "end_time_unix_nano - start_time_unix_nano > 5",
            "column 20, at \"- start_time_unix_nano >\": burgee's conditions do not calculate",
        ),
        ("IsMatch(name, \"(\")", "column 15, at \"\"(\")\": \"(\" is no regular expression: unclosed group"),
        ("IsMatch(name)", "column 1, at \"IsMatch(name)\": IsMatch takes a value and a text"),
        (
            "Len(name) > 1",
            "column 1, at \"Len(name) > 1\": \"Len\" is no function of burgee's conditions; there are IsMatch",
        ),
        (
            "kind == SPAN_KIND_SEVER",
            "column 9, at \"SPAN_KIND_SEVER\": \"SPAN_KIND_SEVER\" is unknown; there are SPAN_KIND_UNSPECIFIED",
        ),
        ("name == \"\\d\"", "column 10, at \"\\d\"\": \"\\d\" is no escape; write \"\\\\d\" for a backslash"),
        ("attributes == nil", "column 1, at \"attributes == nil\": attributes are compared one by one"),
        ("name[\"a\"] == 1", "column 1, at \"name[\"a\"] == 1\": \"name\" is no map"),
        ("trace_id == 0x01", "column 13, at \"0x01\": bytes such as 0x0102 are not in burgee's conditions"),
        (
            "HasAttrKeyOnDatapoint(\"a\")",
            "HasAttrKeyOnDatapoint asks about a metric, and this condition about a span",
        ),
        ("not not true", "\"not\" has nothing to stand between"),
        ("name == [1]", "lists are not in burgee's conditions"),
        ("kind == 99999999999999999999", "99999999999999999999 is too large"),
    ] {
        let found = mistake(text);
        assert!(found.contains(message), "{text}\n  says {found}\n  not  {message}");
    }
}

#[test]
fn conditions_cannot_be_nested_without_end() {
    let deep = |depth| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(holds(&deep(60)));
    assert!(mistake(&deep(70)).contains("nested deeper than 64"));
    assert!(mistake(&"(".repeat(60_000)).contains("nested deeper than 64"));
    assert!(mistake(&" ".repeat(70_000)).contains("longer than"));
    assert!(mistake(&format!("IsMatch({}", "IsMatch(".repeat(1000))).contains("nested deeper than 64"));
}

/// A condition and its text.
fn condition() -> impl Strategy<Value = String> {
    let operand = prop_oneof![
        Just("nil".to_owned()),
        Just("name".to_owned()),
        Just("attributes[\"i\"]".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|value| value.to_string()),
        "[a-z ]{0,4}".prop_map(|text| format!("\"{text}\"")),
    ];
    let op = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let leaf = (operand.clone(), op, operand).prop_map(|(left, op, right)| format!("{left} {op} {right}"));
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in "(and|or|not|nil|true|name|kind|IsMatch|attributes|\\(|\\)|\\[|\\]|==|<|\"|\\\\|[0-9.,é -]){0,30}") {
        if let Err(mistake) = parse(&text, &mut PathNames::In(Context::Span)) {
            mistake.show(&text);
        }
        let _ = parse(&text, &mut PathNames::Open(None));
    }

    #[test]
    fn every_condition_of_the_grammar_is_read_and_its_negation_is_the_opposite(text in condition()) {
        prop_assert_ne!(holds(&text), holds(&format!("not ({text})")));
    }
}
