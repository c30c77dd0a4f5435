use super::*;
use crate::observe::board::Phase;

fn config(text: &str) -> Config {
    serde_yaml::from_str(text).expect("right")
}

async fn asked(config: &Config, board: &Board) -> (StatusCode, String) {
    use http_body_util::BodyExt;
    let answer = answer(config, board);
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("it is all there").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn it_answers_as_the_collector_does() {
    let board = Board::new();
    board.set_phase(Phase::Running);
    let (status, body) = asked(&Config::default(), &board).await;
    assert_eq!(status, StatusCode::OK);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["status"], "Server available");
    assert!(body["upSince"].as_str().is_some_and(|since| since.ends_with('Z')), "{body}");
    assert!(body["uptime"].is_string() && body.get("why").is_none(), "{body}");
}

#[tokio::test]
async fn a_stop_can_be_seen_before_the_ports_close() {
    let board = Board::new();
    board.set_phase(Phase::Stopping);
    let (status, body) = asked(&Config::default(), &board).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&body["status"], &body["why"][0]),
        (&json!("Server not available"), &json!("burgee is stopping"))
    );
}

#[tokio::test]
async fn its_texts_can_be_given() {
    let config = config("response_body: {healthy: fine, unhealthy: not now}");
    let board = Board::new();
    assert_eq!(asked(&config, &board).await, (StatusCode::SERVICE_UNAVAILABLE, "not now".to_owned()));
    board.set_phase(Phase::Running);
    assert_eq!(asked(&config, &board).await, (StatusCode::OK, "fine".to_owned()));
}

#[test]
fn what_does_not_hold_here_is_said() {
    let odd = config(
        "{check_collector_pipeline: {enabled: true}, cors: {}, component_health: {include_permanent_errors: true}}",
    );
    let warnings = build(&odd).expect("odd, not wrong").warnings;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].starts_with("check_collector_pipeline has no effect"), "{warnings:?}");
    for (text, what) in [
        ("tls: {cert_file: a}", "tls is not in burgee's health_check"),
        ("auth: {authenticator: a}", "auth is not in burgee's health_check"),
        ("path: health", "path begins with no slash"),
    ] {
        let errors = build(&config(text)).expect_err(text);
        assert!(errors[0].to_string().starts_with(what), "{errors:?}");
    }
}
