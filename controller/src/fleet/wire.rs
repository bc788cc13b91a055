//! Frames on a stream: read whole or not at all, never more than the cap of their kind.

use lastmile_protocol::frame::{FrameError, FrameKind, Framed, HEADER, Header, write_frame};
use quinn::{ReadExactError, RecvStream, SendStream};

use super::core::Frame;

/// A stream that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side sent what is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame of a kind that does not belong on this stream.
    #[error("a {0:?} frame does not belong here")]
    Misplaced(FrameKind),
    /// A chunk that is not what the agent has written.
    #[error(transparent)]
    Chunk(lastmile_protocol::uplink::ChunkError),
    /// The stream ended inside a frame, or the connection is gone.
    #[error("the connection is gone: {0}")]
    Gone(String),
}

/// Kind and payload of the next frame; `None` when the stream ended between two frames.
pub async fn read(stream: &mut RecvStream) -> Result<Option<(FrameKind, Vec<u8>)>, WireError> {
    let mut head = [0u8; HEADER];
    match stream.read_exact(&mut head).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(error) => return Err(WireError::Gone(error.to_string())),
    }
    let header = Header::parse(head)?;
    let mut payload = vec![0u8; header.length];
    stream.read_exact(&mut payload).await.map_err(|error| WireError::Gone(error.to_string()))?;
    Ok(Some((header.kind, payload)))
}

/// Writes a frame.
pub async fn write(stream: &mut SendStream, frame: &Frame) -> Result<(), WireError> {
    let bytes = match frame {
        Frame::Reply(reply) => bytes(&**reply)?,
        Frame::Ack(ack) => bytes(ack)?,
        Frame::Push(push) => bytes(push)?,
        Frame::Plan(plan) => bytes(plan)?,
        Frame::Watch(watch) => bytes(watch)?,
        Frame::Ping(ping) => bytes(ping)?,
    };
    stream.write_all(&bytes).await.map_err(|error| WireError::Gone(error.to_string()))
}

fn bytes<T: Framed>(message: &T) -> Result<Vec<u8>, FrameError> {
    write_frame(message)
}
