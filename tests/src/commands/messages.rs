//! `lastmile-testbed sms` and `smtp`: the stand-ins for those who carry messages, alone.

use std::net::SocketAddr;

use clap::Args;

use crate::messages::Messages;
use crate::signals;

/// Options of `sms`.
#[derive(Debug, Args)]
pub struct SmsArgs {
    /// Where the provider listens (HTTP); the page of what was sent and the control are there too.
    #[arg(long, default_value = "127.0.0.1:8461")]
    listen: SocketAddr,
}

/// Options of `smtp`.
#[derive(Debug, Args)]
pub struct SmtpArgs {
    /// Where the mail server listens.
    #[arg(long, default_value = "127.0.0.1:8425")]
    listen: SocketAddr,
    /// Where the page of what was sent and the control are (HTTP).
    #[arg(long, default_value = "127.0.0.1:8426")]
    control: SocketAddr,
}

/// Runs the provider of SMS until Ctrl-C.
///
/// # Errors
/// When the port cannot be opened.
pub async fn sms(args: SmsArgs) -> anyhow::Result<()> {
    let messages = Messages::start(args.listen, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("BulkSMSBD      http://{}/api/smsapi", messages.http_addr());
    println!("SSL Wireless   http://{}/api/v3/send-sms", messages.http_addr());
    println!("what was sent  http://{}/  (JSON at /messages; faults by POST /fault)", messages.http_addr());
    signals::asked_to_stop().await
}

/// Runs the mail server until Ctrl-C.
///
/// # Errors
/// When a port cannot be opened.
pub async fn smtp(args: SmtpArgs) -> anyhow::Result<()> {
    let messages = Messages::start(args.control, args.listen).await?;
    println!("SMTP           {}", messages.smtp_addr());
    println!("what was sent  http://{}/  (JSON at /messages; faults by POST /fault)", messages.http_addr());
    signals::asked_to_stop().await
}
