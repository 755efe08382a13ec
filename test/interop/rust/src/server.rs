use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protobuf::Message as _;
use ttrpc::proto::{Any, Code, Status};
use ttrpc::r#async::{
    Server, ServerStream, ServerStreamReceiver, ServerStreamSender, TtrpcContext,
};
use ttrpc::Result;

use crate::protocol::interop::*;
use crate::protocol::interop_ttrpc::{create_interop, Interop};

pub async fn serve(address: &str) -> std::result::Result<(), Box<dyn Error>> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let mut server = Server::new()
        .bind(address)?
        .register_service(create_interop(Arc::new(Peer)));
    server.start().await?;
    println!("ready");
    std::future::pending().await
}

struct Peer;

/// Says on drop how a sleep ended: dropping its future is how this crate cancels a handler.
struct Sleeping {
    ended: bool,
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        println!("sleep {}", if self.ended { "ended" } else { "interrupted" });
    }
}

fn seen(ctx: &TtrpcContext) -> Seen {
    let mut seen = Seen::new();
    seen.timeout_nano = ctx.timeout_nano;
    for (key, values) in &ctx.metadata {
        for value in values {
            seen.metadata.push(Pair {
                key: key.clone(),
                value: value.clone(),
                ..Default::default()
            });
        }
    }
    seen.metadata.sort_by(|a, b| a.key.cmp(&b.key));
    seen
}

fn status(code: i32, message: String) -> Status {
    let mut status = Status::new();
    status.code = protobuf::EnumOrUnknown::<Code>::from_i32(code);
    status.message = message;
    status
}

#[async_trait]
impl Interop for Peer {
    async fn echo(&self, _: &TtrpcContext, message: Message) -> Result<Message> {
        Ok(message)
    }

    async fn nothing(&self, _: &TtrpcContext, _: Empty) -> Result<Empty> {
        Ok(Empty::new())
    }

    async fn inspect(&self, ctx: &TtrpcContext, _: Empty) -> Result<Seen> {
        Ok(seen(ctx))
    }

    async fn inspect_stream(
        &self,
        ctx: &TtrpcContext,
        _: Empty,
        stream: ServerStreamSender<Seen>,
    ) -> Result<()> {
        stream.send(&seen(ctx)).await
    }

    async fn fail(&self, _: &TtrpcContext, failure: Failure) -> Result<Empty> {
        let detail = Detail {
            text: failure.detail,
            ..Default::default()
        };
        let mut status = status(failure.code, failure.message);
        status.details.push(Any {
            type_url: "type.googleapis.com/interop.v1.Detail".into(),
            value: detail.write_to_bytes().expect("a Detail encodes"),
            ..Default::default()
        });
        Err(ttrpc::Error::RpcStatus(status))
    }

    async fn sleep(&self, _: &TtrpcContext, pause: Pause) -> Result<Empty> {
        println!("sleep started");
        let mut sleeping = Sleeping { ended: false };
        tokio::time::sleep(Duration::from_millis(pause.milliseconds as u64)).await;
        sleeping.ended = true;
        Ok(Empty::new())
    }

    async fn grow(&self, _: &TtrpcContext, size: Size) -> Result<Message> {
        Ok(Message {
            data: vec![b'x'; size.bytes as usize],
            ..Default::default()
        })
    }

    async fn count(
        &self,
        _: &TtrpcContext,
        countdown: Countdown,
        stream: ServerStreamSender<Number>,
    ) -> Result<()> {
        for i in 0..countdown.count {
            if countdown.code != 0 && i == countdown.fail_after {
                let message = format!("failed after {i}");
                return Err(ttrpc::Error::RpcStatus(status(countdown.code, message)));
            }
            let mut number = Number::new();
            number.value = i64::from(i) + 1;
            stream.send(&number).await?;
        }
        Ok(())
    }

    async fn sum(
        &self,
        _: &TtrpcContext,
        mut numbers: ServerStreamReceiver<Number>,
    ) -> Result<Total> {
        let mut total = Total::new();
        while let Some(number) = numbers.recv().await? {
            total.sum += number.value;
            total.count += 1;
        }
        Ok(total)
    }

    async fn chat(
        &self,
        _: &TtrpcContext,
        mut stream: ServerStream<Message, Message>,
    ) -> Result<()> {
        while let Some(message) = stream.recv().await? {
            stream.send(&message).await?;
        }
        Ok(())
    }

    async fn first(
        &self,
        _: &TtrpcContext,
        mut numbers: ServerStreamReceiver<Number>,
    ) -> Result<Number> {
        Ok(numbers.recv().await?.unwrap_or_default())
    }

    async fn brief(
        &self,
        _: &TtrpcContext,
        mut stream: ServerStream<Message, Message>,
    ) -> Result<()> {
        if let Some(message) = stream.recv().await? {
            stream.send(&message).await?;
        }
        Ok(())
    }
}
