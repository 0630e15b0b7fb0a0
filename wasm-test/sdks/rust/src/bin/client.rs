//! Runs the workflow whose id it is given, and prints the result or the error that stood in its way.

use std::error::Error;

use sdk_rust::{Hello, connect, variable};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};

async fn run() -> Result<String, Box<dyn Error>> {
    let id = std::env::args().nth(1).ok_or("one argument is needed: a workflow id")?;
    let options = WorkflowStartOptions::new(variable("TASK_QUEUE"), id).build();
    let started = connect().await?.start_workflow(Hello::run, "World".to_owned(), options).await?;
    Ok(started.get_result(WorkflowGetResultOptions::default()).await?)
}

#[tokio::main]
async fn main() {
    match run().await {
        Ok(greeting) => println!("{greeting}"),
        Err(error) => {
            println!("{error}");
            std::process::exit(1);
        }
    }
}
