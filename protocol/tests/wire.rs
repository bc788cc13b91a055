//! The wire: frozen bytes of every message, and what hostile bytes may do (nothing).

#![expect(clippy::expect_used, clippy::panic, reason = "a test says what it expects")]

use std::fmt::Write as _;
use std::path::PathBuf;

use lastmile_protocol::codec;
use lastmile_protocol::downlink::{
    Access, Ack, DesiredLine, DesiredPush, Generation, Ping, PollPlan, Profile, RouterKind, RouterPlan, Watch, digest,
};
use lastmile_protocol::frame::{FrameKind, Framed, HEADER, Header, read_frame, read_payload, write_frame};
use lastmile_protocol::hello::{Hello, HelloReply, Refusal, Welcome, capability};
use lastmile_protocol::ids::{AgentId, LineId, LineNo, PopId, RouterId};
use lastmile_protocol::uplink::{
    ChunkBody, DesiredStatus, FailReason, Gap, GapCause, Health, LineRate, LiveRates, MAX_PAYLOAD, Observed, Outcome,
    Place, Proof, RouterHealth, RouterState, SessionSeen, SpooledChunk, UsageChunk, UsageRecord, gap_payloads,
    proof_payloads, usage_payloads,
};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const T: i64 = 1_795_338_000_000;

fn router() -> RouterId {
    RouterId::new(1_795_000_000_000, [2; 10])
}

fn generation() -> Generation {
    Generation { incarnation: 1, counter: 48 }
}

/// Columns as a zstd frame of one raw block, so that the golden bytes do not depend on a compressor's version.
fn frozen_columns() -> UsageChunk {
    #[rustfmt::skip]
    let columns = vec![
        // magic, single segment, 21 bytes, one raw block
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x15, 0xa9, 0x00, 0x00,
        0x01, 0x04, // lines 1, 5
        0xc0, 0x8a, 0xba, 0xa7, 0xc0, 0x68, 0x00, // starts
        0xc0, 0xcf, 0x24, 0x00, // lengths
        0x95, 0x9a, 0xef, 0x3a, 0x00, // down
        0xb1, 0x20, 0x00, // up
    ];
    UsageChunk { records: 2, down_octets: 123_456_789, up_octets: 4_145, columns }
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    fn frame<T: Framed>(message: &T) -> Vec<u8> {
        write_frame(message).expect("a sample fits into its frame")
    }
    let chunk =
        |body: &ChunkBody| frame(&SpooledChunk::seal(1_795_338_000, 70_000, codec::encode(body).expect("fits")));
    let refused = |why| frame(&HelloReply::Refused(why));
    vec![
        (
            "hello",
            frame(&Hello {
                minors: vec![0],
                capabilities: capability::ROUTEROS | capability::LINUX | capability::ZSTD,
                agent_version: "0.1.0".into(),
                join_token: "BwcHBwcHBwcHBwcHBwcHBw".into(),
                wall_ms: T,
                extensions: vec![(9, vec![1, 2, 3])],
            }),
        ),
        (
            "hello_reply_welcome",
            frame(&HelloReply::Welcome(Welcome {
                minor: 0,
                capabilities: capability::ZSTD,
                agent: AgentId::new(1_795_000_000_000, [3; 10]),
                pop: PopId::new(1_795_000_000_000, [4; 10]),
                pop_name: "সাভার".into(),
                wall_ms: T,
                lease_seconds: 900,
                applied: vec![(1_795_000_000, 12), (1_795_338_000, 70_000)],
                extensions: vec![],
            })),
        ),
        ("hello_reply_mismatch", frame(&HelloReply::VersionMismatch { minors: vec![4, 3] })),
        ("hello_reply_unknown_key", refused(Refusal::UnknownKey)),
        ("hello_reply_revoked", refused(Refusal::Revoked)),
        ("hello_reply_token_unknown", refused(Refusal::TokenUnknown)),
        ("hello_reply_token_used", refused(Refusal::TokenUsed)),
        ("hello_reply_token_expired", refused(Refusal::TokenExpired)),
        ("hello_reply_busy", refused(Refusal::Busy)),
        ("chunk_usage", chunk(&ChunkBody::Usage(frozen_columns()))),
        ("chunk_gaps", chunk(&ChunkBody::Gaps(gaps()))),
        (
            "chunk_of_a_run",
            frame(&SpooledChunk {
                first: 69_001,
                ..SpooledChunk::seal(1_795_338_000, 70_000, codec::encode(&ChunkBody::Gaps(gaps())).expect("fits"))
            }),
        ),
        ("chunk_proofs", chunk(&ChunkBody::Proofs(proofs()))),
        ("health", frame(&health())),
        (
            "live_rates",
            frame(&LiveRates {
                at_ms: T,
                lines: vec![LineRate { line: LineNo(7), down_bps: 27_400_000, up_bps: 900_000, online: true }],
            }),
        ),
        (
            "desired_status",
            frame(&DesiredStatus {
                generation: generation(),
                lines: 2,
                digest: digest([(LineNo(1), 47), (LineNo(2), 48)]),
            }),
        ),
        ("ack", frame(&Ack { epoch: 1_795_338_000, seq: 70_000 })),
        ("desired_push", frame(&push())),
        ("poll_plan", frame(&plan())),
        ("watch", frame(&Watch { lines: vec![LineNo(1), LineNo(300)], seconds: 60 })),
        ("ping", frame(&Ping { wall_ms: T })),
    ]
}

fn gaps() -> Vec<Gap> {
    let causes = [
        GapCause::SessionEnded,
        GapCause::CounterReset,
        GapCause::AboveLineRate,
        GapCause::SpoolLost,
        GapCause::SpoolDropped,
        GapCause::SpoolCorrupt,
    ];
    causes
        .into_iter()
        .zip(1u32..)
        .map(|(cause, n)| Gap {
            cause,
            line: (n < 4).then_some(LineNo(n)),
            router: (n == 1).then(router),
            start_ms: T - 60_000,
            end_ms: T,
            down_octets: 7_500_000_000,
            up_octets: 7_500_000_000,
            chunks: if n < 4 { (0, 0, 0) } else { (1_795_338_000, 1, 12) },
        })
        .collect()
}

fn proofs() -> Vec<Proof> {
    let observed = Observed {
        read_ms: T,
        present: true,
        closed: true,
        profile: "home-20".into(),
        rate: "20M/20M".into(),
        sessions: vec![SessionSeen { address: "10.0.0.7".into(), mac: "AA:BB:CC:DD:EE:FF".into(), uptime_seconds: 61 }],
    };
    let reasons = [
        FailReason::Unreachable,
        FailReason::AuthRefused,
        FailReason::NameTaken,
        FailReason::Refused("failure: already have".into()),
        FailReason::Differs("profile".into()),
        FailReason::Frozen("no lease".into()),
        FailReason::NoRouter,
    ];
    let outcomes = [Outcome::Applied, Outcome::Verified, Outcome::Removed];
    outcomes
        .into_iter()
        .chain(reasons.into_iter().map(Outcome::Failed))
        .map(|outcome| Proof {
            line: LineNo(2),
            generation: generation(),
            at_ms: T,
            observed: (outcome == Outcome::Verified).then(|| observed.clone()),
            outcome,
        })
        .collect()
}

fn health() -> Health {
    let states = [
        RouterState::Unknown,
        RouterState::Healthy,
        RouterState::Unreachable,
        RouterState::AuthRefused,
        RouterState::Failing,
        RouterState::SessionLimit,
    ];
    let routers = states
        .into_iter()
        .map(|state| RouterHealth {
            router: router(),
            state,
            detail: "invalid user name or password (6)".into(),
            last_poll_ms: T,
            poll_took_ms: 210,
            online: 1_290,
            foreign: 3,
            down_bps: 1_900_000_000,
            up_bps: 300_000_000,
            identity: "sav-bng-1".into(),
            board: "CCR2116".into(),
            version: "7.20.1 (stable)".into(),
            cpu_percent: 12,
            uptime_seconds: 86_400,
        })
        .collect();
    Health {
        at_ms: T,
        spool_chunks: 30,
        spool_records: 14_212,
        spool_oldest_ms: T - 2_520_000,
        spool_cap_bytes: 2 << 30,
        spool_bytes: 12 << 20,
        spool_dropped: 0,
        resends: 2,
        uptime_seconds: 3_600,
        unlisted_lines: 1,
        frozen: "no contact for 15 minutes".into(),
        routers,
    }
}

fn push() -> DesiredPush {
    let profile = Profile { name: "home-20".into(), down_bps: 20_000_000, up_bps: 20_000_000 };
    let line = |no, access, open| DesiredLine {
        no: LineNo(no),
        id: LineId::new(1_795_000_000_000, [5; 10]),
        counter: 47,
        router: router(),
        access,
        profile: profile.clone(),
        open,
    };
    DesiredPush {
        since: Generation { incarnation: 1, counter: 40 },
        until: generation(),
        more: false,
        lines: vec![
            line(1, Access::Pppoe { username: b"rahim\xff".to_vec(), password: b"secret".to_vec() }, true),
            line(2, Access::Static { address: "10.9.0.2".into(), interface: "veth-a".into() }, false),
        ],
        tombstones: vec![(LineNo(3), LineId::new(1_795_000_000_000, [6; 10]))],
        count: 2,
        digest: digest([(LineNo(1), 47), (LineNo(2), 47)]),
        approved_holds: 25,
    }
}

fn plan() -> PollPlan {
    let router = |kind, host: &str, port| RouterPlan {
        router: router(),
        name: "sav-bng-1".into(),
        kind,
        host: host.into(),
        port,
        username: b"lastmile".to_vec(),
        password: b"secret".to_vec(),
        line_rate_bps: 1_000_000_000,
        enforce: true,
    };
    PollPlan {
        version: 7,
        poll_seconds: 60,
        interval_seconds: 300,
        routers: vec![router(RouterKind::RouterOs, "10.0.0.1", 8728), router(RouterKind::Linux, "", 0)],
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let end = if at % 32 == 31 || at + 1 == bytes.len() { "\n" } else { "" };
        write!(out, "{byte:02x}{end}").expect("a string takes text");
    }
    out
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/1.0").join(format!("{name}.hex"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn bytes_on_the_wire_are_frozen() {
    let write = std::env::var_os("LASTMILE_GOLDEN").is_some();
    for (name, bytes) in samples() {
        let path = golden(name);
        if write && !path.exists() {
            std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
            std::fs::write(&path, hex(&bytes)).expect("written");
        }
        let frozen = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(hex(&bytes), frozen, "{name}: the wire changed; see tests/golden/README.md");
    }
}

#[test]
fn every_frozen_file_has_its_message() {
    let names: Vec<&str> = samples().iter().map(|(name, _)| *name).collect();
    for entry in std::fs::read_dir(golden("x").parent().expect("in a folder")).expect("golden files") {
        let name = entry.expect("readable").file_name().into_string().expect("text");
        assert!(names.contains(&name.trim_end_matches(".hex")), "{name} stands for no message any more");
    }
}

#[test]
fn frozen_bytes_are_read_back() {
    fn back<T: Framed + PartialEq + std::fmt::Debug>(name: &str, wanted: &T) {
        let bytes = unhex(&std::fs::read_to_string(golden(name)).expect("golden file"));
        let (got, used) = read_frame::<T>(&bytes).expect("valid").expect("whole");
        assert_eq!((&got, used), (wanted, bytes.len()), "{name}");
        let cut = bytes.get(..bytes.len() - 1).expect("not empty");
        assert!(read_frame::<T>(cut).expect("so far valid").is_none());
    }
    back("health", &health());
    back("desired_push", &push());
    back("poll_plan", &plan());
    back("ack", &Ack { epoch: 1_795_338_000, seq: 70_000 });
    let bytes = unhex(&std::fs::read_to_string(golden("chunk_usage")).expect("golden file"));
    let (chunk, _) = read_frame::<SpooledChunk>(&bytes).expect("valid").expect("whole");
    let ChunkBody::Usage(usage) = chunk.open().expect("whole") else { panic!("usage") };
    let record = |line, down_octets, up_octets| UsageRecord {
        line: LineNo(line),
        start_ms: 1_795_338_000_000 - 300_000,
        end_ms: 1_795_338_000_000,
        down_octets,
        up_octets,
    };
    assert_eq!(usage.unpack(), Ok(vec![record(1, 123_456_789, 4_145), record(5, 0, 0)]));
}

#[test]
fn headers_of_unknown_kind_or_above_the_cap_are_refused() {
    for kind in FrameKind::ALL {
        let cap = u32::try_from(kind.cap()).expect("small");
        let header = |length: u32| {
            let [a, b, c, d] = length.to_le_bytes();
            Header::parse([kind.number(), a, b, c, d])
        };
        assert!(header(cap).is_ok());
        assert!(header(cap + 1).is_err());
        assert!(header(u32::MAX).is_err());
    }
    assert!(Header::parse([99, 0, 0, 0, 0]).is_err());
}

/// What decoding `bytes` takes at its peak, in bytes.
fn peak(decode: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    decode();
    MEMORY.peak_usage().saturating_sub(before)
}

/// Decoding takes at most 3 MiB (three nested lists whose length lies) and 24 times what came: structures
/// are wider in memory than on the wire, and lists double as they grow.
fn allowed(bytes: usize) -> usize {
    (3 << 20) + 24 * bytes
}

fn decode_as(kind: FrameKind, payload: &[u8]) {
    match kind {
        FrameKind::Hello => drop(read_payload::<Hello>(kind, payload)),
        FrameKind::HelloReply => drop(read_payload::<HelloReply>(kind, payload)),
        FrameKind::Chunk => {
            if let Ok(chunk) = read_payload::<SpooledChunk>(kind, payload) {
                open(&chunk);
            }
        }
        FrameKind::Health => drop(read_payload::<Health>(kind, payload)),
        FrameKind::LiveRates => drop(read_payload::<LiveRates>(kind, payload)),
        FrameKind::DesiredStatus => drop(read_payload::<DesiredStatus>(kind, payload)),
        FrameKind::Ack => drop(read_payload::<Ack>(kind, payload)),
        FrameKind::DesiredPush => drop(read_payload::<DesiredPush>(kind, payload)),
        FrameKind::PollPlan => drop(read_payload::<PollPlan>(kind, payload)),
        FrameKind::Watch => drop(read_payload::<Watch>(kind, payload)),
        FrameKind::Ping => drop(read_payload::<Ping>(kind, payload)),
    }
}

fn open(chunk: &SpooledChunk) {
    if let Ok(ChunkBody::Usage(usage)) = chunk.open() {
        drop(usage.unpack());
    }
}

fn records() -> impl Strategy<Value = Vec<UsageRecord>> {
    let record = (any::<u32>(), any::<i64>(), any::<i64>(), any::<u64>(), any::<u64>()).prop_map(
        |(line, start_ms, end_ms, down_octets, up_octets)| UsageRecord {
            line: LineNo(line),
            start_ms,
            end_ms,
            down_octets,
            up_octets,
        },
    );
    proptest::collection::vec(record, 0..900)
}

/// What a POP really sends: many lines, one interval, a third of them idle.
fn interval(lines: u32) -> Vec<UsageRecord> {
    (0..lines)
        .map(|line| {
            let busy = u64::from(!line.is_multiple_of(3));
            let octets = u64::from(line.wrapping_mul(2_654_435_761)) >> (line % 17);
            UsageRecord {
                line: LineNo(line),
                start_ms: T - 300_000,
                end_ms: T + i64::from(line % 2),
                down_octets: busy * octets,
                up_octets: busy * (octets / 9),
            }
        })
        .collect()
}

fn unpack_all(payloads: &[Vec<u8>]) -> Vec<UsageRecord> {
    let mut out = Vec::new();
    for payload in payloads {
        assert!(payload.len() <= MAX_PAYLOAD);
        let body = SpooledChunk::seal(1, 1, payload.clone()).open().expect("whole");
        let ChunkBody::Usage(usage) = body else { panic!("usage") };
        out.extend(usage.unpack().expect("as packed"));
    }
    out
}

#[test]
fn an_interval_of_a_pop_is_cut_into_small_chunks() {
    let payloads = usage_payloads(interval(5_000)).expect("packs");
    assert_eq!(unpack_all(&payloads), interval(5_000));
    assert!(payloads.len() < 20, "{} chunks", payloads.len());
    assert!(usage_payloads(Vec::new()).expect("packs").is_empty());
}

#[test]
fn idle_lines_keep_the_bound_of_records() {
    let idle: Vec<UsageRecord> =
        interval(10_000).into_iter().map(|r| UsageRecord { down_octets: 0, up_octets: 0, end_ms: T, ..r }).collect();
    assert_eq!(unpack_all(&usage_payloads(idle.clone()).expect("packs")), idle);
    assert!(UsageChunk::pack(&idle).is_none());
}

#[test]
fn a_router_that_says_much_cannot_break_a_proof() {
    let long = "ক".repeat(10_000);
    let mut many = proofs();
    for proof in &mut many {
        proof.outcome = Outcome::Failed(FailReason::Refused(long.clone()));
        let session = SessionSeen { address: long.clone(), mac: long.clone(), uptime_seconds: u64::MAX };
        proof.observed = Some(Observed {
            read_ms: T,
            present: true,
            closed: false,
            profile: long.clone(),
            rate: long.clone(),
            sessions: vec![session; 9],
        });
    }
    let payloads = proof_payloads(many.clone()).expect("packs");
    let mut count = 0;
    for payload in payloads {
        assert!(payload.len() <= MAX_PAYLOAD, "{}", payload.len());
        let Ok(ChunkBody::Proofs(part)) = SpooledChunk::seal(1, 1, payload).open() else { panic!("proofs") };
        count += part.len();
    }
    assert_eq!(count, many.len());
}

#[test]
fn chunks_are_applied_once_and_in_order() {
    let chunk = |first, seq| SpooledChunk { first, ..SpooledChunk::seal(1, seq, Vec::new()) };
    let cases = [
        ((1, 1), 0, Place::Next),
        ((2, 2), 0, Place::Hole),
        ((5, 5), 5, Place::Duplicate),
        ((3, 9), 5, Place::Next),
        ((3, 9), 9, Place::Duplicate),
        ((7, 9), 5, Place::Hole),
        ((0, 1), 0, Place::Hole),
        ((9, 8), 7, Place::Hole),
        ((u64::MAX, u64::MAX), u64::MAX, Place::Duplicate),
    ];
    for ((first, seq), applied, place) in cases {
        assert_eq!(chunk(first, seq).place(applied), place, "{first}..={seq} after {applied}");
    }
}

#[test]
fn gaps_keep_the_bound() {
    let worst = Gap {
        cause: GapCause::SpoolCorrupt,
        line: Some(LineNo(u32::MAX)),
        router: Some(router()),
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        down_octets: u64::MAX,
        up_octets: u64::MAX,
        chunks: (u64::MAX, u64::MAX, u64::MAX),
    };
    let payloads = gap_payloads(&vec![worst; 100]).expect("packs");
    assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
}

#[test]
fn datagrams_keep_the_bound_and_carry_every_line() {
    let rates: Vec<LineRate> = (0..1_000)
        .map(|n| LineRate { line: LineNo(n), down_bps: 20_000_000, up_bps: 4_000_000, online: true })
        .collect();
    let datagrams = LiveRates::datagrams(T, &rates, 1_162);
    assert!(datagrams.iter().all(|bytes| bytes.len() <= 1_162));
    let lines: usize = datagrams
        .iter()
        .map(|bytes| read_payload::<LiveRates>(FrameKind::LiveRates, bytes).expect("valid").lines.len())
        .sum();
    assert_eq!(lines, 1_000);
}

#[test]
fn a_push_of_any_size_is_cut_into_frames() {
    let line = push().lines.first().expect("a line").clone();
    let lines: Vec<DesiredLine> = (0..30_000).map(|no| DesiredLine { no: LineNo(no), ..line.clone() }).collect();
    let tombstones = vec![(LineNo(1), LineId::from_bytes([0xff; 16])); 10_000];
    let frames = DesiredPush::frames(push().head(), lines, &tombstones);
    assert!(frames.iter().all(|frame| write_frame(frame).is_ok()));
    assert!(frames.iter().rev().skip(1).all(|frame| frame.more) && !frames.last().expect("one").more);
    assert_eq!(frames.iter().map(|frame| frame.lines.len()).sum::<usize>(), 30_000);
    assert_eq!(DesiredPush::frames(push().head(), Vec::new(), &[]).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn records_of_any_value_return(mut records in records()) {
        let payloads = usage_payloads(records.clone()).expect("packs");
        let key = |r: &UsageRecord| (r.line, r.start_ms, r.end_ms, r.down_octets, r.up_octets);
        let mut got = unpack_all(&payloads);
        got.sort_unstable_by_key(key);
        records.sort_unstable_by_key(key);
        prop_assert_eq!(got, records);
    }

    #[test]
    fn no_bytes_make_a_decoder_panic_or_take_memory(bytes: Vec<u8>) {
        for kind in FrameKind::ALL {
            let taken = peak(|| decode_as(*kind, &bytes));
            prop_assert!(taken <= allowed(bytes.len()), "{kind:?}: {taken} bytes for {}", bytes.len());
        }
    }

    #[test]
    fn no_damaged_message_makes_a_decoder_panic_or_take_memory(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let samples = samples();
        let (_, frame) = which.get(&samples);
        let mut payload = frame.get(HEADER..).expect("a header").to_vec();
        for (at, byte) in edits {
            if let Some(slot) = payload.get_mut(at.index(frame.len())) {
                *slot = byte;
            }
        }
        if cut.index(4) == 0 {
            payload.truncate(cut.index(frame.len()));
        }
        let kind = frame.first().and_then(|n| FrameKind::from_number(*n)).expect("a sample");
        let taken = peak(|| decode_as(kind, &payload));
        prop_assert!(taken <= allowed(payload.len()), "{kind:?}: {taken} bytes for {}", payload.len());
    }

    #[test]
    fn no_columns_make_the_unpacker_panic_or_take_memory(
        records: u16,
        columns: Vec<u8>,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        real: bool,
    ) {
        let mut chunk = UsageChunk::pack(&interval(300)).expect("packs");
        chunk.records = if records % 2 == 0 { chunk.records } else { records };
        if !real {
            chunk.columns = columns;
        }
        for (at, byte) in edits {
            let length = chunk.columns.len().max(1);
            if let Some(slot) = chunk.columns.get_mut(at.index(length)) {
                *slot = byte;
            }
        }
        // The decompressor's own state is about 160 KiB.
        let taken = peak(|| drop(chunk.unpack()));
        prop_assert!(taken <= 1 << 20, "{taken} bytes");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let columns = zstd::bulk::compress(&vec![0; 100 << 20], 1).expect("compresses");
    let bomb = UsageChunk { records: 2_048, down_octets: 0, up_octets: 0, columns };
    let taken = peak(|| assert!(bomb.unpack().is_err()));
    assert!(taken <= 1 << 20, "{taken} bytes");
}
