//! The OTel-Arrow dataflow engine, as burgee is compared with it: reads a configuration and runs its pipelines until it
//! is told to end.
//!
//!     dataflow-engine CONFIG.yaml

use otel_arrow_dfe_config::engine::OtelDataflowSpec;
use otel_arrow_dfe_controller::{Controller, ControllerRunOptions, startup};
// The nodes enter themselves in the factory's list when they are linked; nothing else here names them.
use otel_arrow_dfe_core_nodes as _;
use otel_arrow_dfe_otap::{OTAP_PIPELINE_FACTORY, crypto};

// What the engine's own program allocates with.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(config), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: dataflow-engine CONFIG.yaml");
        std::process::exit(2);
    };
    let result = run(&config).map_err(|error| error.to_string());
    startup::shutdown_console_and_exit(&result)
}

fn run(config: &str) -> Result<(), Box<dyn std::error::Error>> {
    // The HTTP exporter looks for it, whether it will encrypt or not.
    crypto::install_crypto_provider()?;
    let config = OtelDataflowSpec::from_file(config)?;
    startup::validate_engine_components(&config, &OTAP_PIPELINE_FACTORY)?;
    let options = ControllerRunOptions { handle_os_signals: true, ..ControllerRunOptions::default() };
    Controller::new(&OTAP_PIPELINE_FACTORY).run_forever_with_options(config, options)?;
    Ok(())
}
