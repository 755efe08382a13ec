use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use base64::prelude::{Engine as _, BASE64_STANDARD as BASE64};
use protobuf::Message as _;
use serde_json::{json, Value};
use ttrpc::context::Context;
use ttrpc::r#async::Client;
use ttrpc::Result;

use crate::protocol::interop::*;
use crate::protocol::interop_ttrpc::InteropClient;
use crate::SERVICE;

/// What a case observed; the same shape as the Go peer's.
#[derive(Default)]
struct Outcome {
    /// The status's code; -1 when the error is the client's own and no status.
    code: i32,
    message: String,
    details: Vec<Value>,
    replies: Vec<Value>,
    sent: usize,
    matched: usize,
}

impl Outcome {
    /// Notes an error; Eof is only a stream's end.
    fn fail(&mut self, error: ttrpc::Error) {
        match error {
            ttrpc::Error::Eof => {}
            ttrpc::Error::RpcStatus(status) => {
                self.code = status.code.value();
                self.message = status.message;
                for any in status.details {
                    let text = Detail::parse_from_bytes(&any.value).map(|d| d.text);
                    let text = text.unwrap_or_else(|e| e.to_string());
                    self.details
                        .push(json!({ "typeUrl": any.type_url, "text": text }));
                }
            }
            other => {
                self.code = -1;
                self.message = other.to_string();
            }
        }
    }

    fn reply<T: Reply>(&mut self, result: Result<T>) {
        match result {
            Ok(message) => self.replies.push(message.json()),
            Err(error) => self.fail(error),
        }
    }
}

trait Reply {
    fn json(&self) -> Value;
}

impl Reply for Empty {
    fn json(&self) -> Value {
        json!({})
    }
}

impl Reply for Message {
    fn json(&self) -> Value {
        json!({ "text": self.text, "number": self.number.to_string(), "data": BASE64.encode(&self.data) })
    }
}

impl Reply for Number {
    fn json(&self) -> Value {
        json!({ "value": self.value.to_string() })
    }
}

impl Reply for Total {
    fn json(&self) -> Value {
        json!({ "sum": self.sum.to_string(), "count": self.count.to_string() })
    }
}

impl Reply for Seen {
    fn json(&self) -> Value {
        let pairs = self.metadata.iter();
        let pairs = pairs.map(|p| json!({ "key": p.key, "value": p.value }));
        json!({ "metadata": pairs.collect::<Vec<_>>(), "timeoutNano": self.timeout_nano.to_string() })
    }
}

pub async fn call(
    address: &str,
    case: &str,
    text: &str,
) -> std::result::Result<(), Box<dyn Error>> {
    let options: Value = serde_json::from_str(text)?;
    let raw = Client::connect(address).await?;
    let client = InteropClient::new(raw.clone());
    let mut out = Outcome::default();
    if let Err(error) = run(&raw, &client, case, &options, &mut out).await {
        out.fail(error);
    }
    let probe = message("alive", 0, Vec::new());
    let probe = client.echo(Context::default(), &probe);
    let probe = tokio::time::timeout(Duration::from_secs(5), probe).await;
    let alive = matches!(probe, Ok(Ok(reply)) if reply.text == "alive");
    println!(
        "{}",
        json!({
            "code": out.code,
            "message": out.message,
            "details": out.details,
            "replies": out.replies,
            "sent": out.sent,
            "matched": out.matched,
            "alive": alive,
        })
    );
    Ok(())
}

async fn run(
    raw: &Client,
    client: &InteropClient,
    case: &str,
    o: &Value,
    out: &mut Outcome,
) -> Result<()> {
    let ctx = context(o);
    match case {
        "echo" => {
            let data = BASE64.decode(string(o, "data")).expect("data is base64");
            let m = message(string(o, "text"), int(o, "number"), data);
            out.reply(client.echo(ctx, &m).await);
        }
        "nothing" => out.reply(client.nothing(ctx, &Empty::new()).await),
        "inspect" => out.reply(client.inspect(ctx, &Empty::new()).await),
        "inspect-stream" => {
            let mut stream = client.inspect_stream(ctx, &Empty::new()).await?;
            while let Some(seen) = stream.recv().await? {
                out.replies.push(seen.json());
            }
        }
        "fail" => {
            let failure = Failure {
                code: int(o, "code") as i32,
                message: string(o, "message").into(),
                detail: string(o, "detail").into(),
                ..Default::default()
            };
            out.reply(client.fail(ctx, &failure).await);
        }
        "sleep" | "hang" => {
            let mut pause = Pause::new();
            pause.milliseconds = int(o, "milliseconds");
            out.reply(client.sleep(ctx, &pause).await);
        }
        "oversized-request" => {
            let text = "x".repeat(int(o, "bytes") as usize);
            out.reply(client.echo(ctx, &message(&text, 0, Vec::new())).await);
        }
        "oversized-response" => {
            let mut size = Size::new();
            size.bytes = int(o, "bytes");
            out.reply(client.grow(ctx, &size).await);
        }
        "unknown-service" => unknown(raw, "interop.v1.Nobody", "Echo").await?,
        "unknown-method" => unknown(raw, SERVICE, "Nowhere").await?,
        "inflight" => {
            let mut calls = tokio::task::JoinSet::new();
            for i in 1..=int(o, "count") {
                let client = client.clone();
                calls.spawn(async move {
                    let m = message("", i, Vec::new());
                    let reply = client.echo(Context::default(), &m).await;
                    matches!(reply, Ok(reply) if reply.number == i)
                });
            }
            while let Some(matched) = calls.join_next().await {
                out.matched += usize::from(matches!(matched, Ok(true)));
            }
        }
        "count" => {
            let countdown = Countdown {
                count: int(o, "count") as i32,
                fail_after: int(o, "failAfter") as i32,
                code: int(o, "code") as i32,
                ..Default::default()
            };
            let mut stream = client.count(ctx, &countdown).await?;
            while let Some(number) = stream.recv().await? {
                out.replies.push(number.json());
            }
        }
        "sum" => {
            let mut stream = client.sum(ctx).await?;
            for value in list(o, "numbers") {
                let value = value.as_i64().unwrap_or_default();
                out.sent += usize::from(stream.send(&number(value)).await.is_ok());
            }
            out.reply(stream.close_and_recv().await);
        }
        // One by one: a message is sent when the one before has come back.
        "chat" => {
            let mut stream = client.chat(ctx).await?;
            for text in list(o, "texts") {
                let text = text.as_str().unwrap_or_default();
                let m = message(text, 0, Vec::new());
                out.sent += usize::from(stream.send(&m).await.is_ok());
                out.replies.push(stream.recv().await?.json());
            }
            stream.close_send().await?;
            out.replies.push(stream.recv().await?.json());
        }
        // Both keep sending, whatever the server does, and close their half last.
        "first" => {
            let mut stream = client.first(ctx).await?;
            for i in 1..=int(o, "count") {
                out.sent += usize::from(stream.send(&number(i)).await.is_ok());
            }
            out.reply(stream.close_and_recv().await);
        }
        "brief" => {
            let mut stream = client.brief(ctx).await?;
            for i in 1..=int(o, "count") {
                let m = message("", i, Vec::new());
                out.sent += usize::from(stream.send(&m).await.is_ok());
            }
            stream.close_send().await?;
            loop {
                out.replies.push(stream.recv().await?.json());
            }
        }
        other => {
            eprintln!("no case {other:?}");
            std::process::exit(1);
        }
    }
    Ok(())
}

async fn unknown(client: &Client, service: &str, method: &str) -> Result<()> {
    let request = ttrpc::Request {
        service: service.into(),
        method: method.into(),
        ..Default::default()
    };
    client.request(request).await.map(|_| ())
}

fn context(o: &Value) -> Context {
    let mut metadata: HashMap<String, Vec<String>> = HashMap::new();
    for pair in list(o, "metadata") {
        let text = |i: usize| pair[i].as_str().unwrap_or_default().to_string();
        metadata
            .entry(text(0).to_lowercase())
            .or_default()
            .push(text(1));
    }
    Context {
        metadata,
        timeout_nano: int(o, "timeoutMs") * 1_000_000,
    }
}

fn message(text: &str, number: i64, data: Vec<u8>) -> Message {
    Message {
        text: text.into(),
        number,
        data,
        ..Default::default()
    }
}

fn number(value: i64) -> Number {
    Number {
        value,
        ..Default::default()
    }
}

fn string<'a>(o: &'a Value, key: &str) -> &'a str {
    o[key].as_str().unwrap_or_default()
}

/// An integer as a number, or as a string, as JSON has an int64.
fn int(o: &Value, key: &str) -> i64 {
    let value = &o[key];
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or(text).unwrap_or_default()
}

fn list<'a>(o: &'a Value, key: &str) -> &'a [Value] {
    o[key].as_array().map_or(&[], Vec::as_slice)
}
