// A trace of all processes of a run, in the format that Perfetto and chrome://tracing read.

import Dispatch
import Files
import Foundation
import Glibc
import Synchronization

/// A file of what each thread of a run did from when to when.
///
/// It is written on a thread of its own. What that is too slow for, or the file too small, is left
/// out and counted; the run goes on.
public final class TraceFile: Sendable {
  /// The spans that a file has at the most: some 60 MB.
  static let spanLimit = 500_000
  /// The spans that may wait to be written.
  private static let waitingLimit = 1 << 16
  /// How long the end of a run waits for the file.
  private static let drainSeconds = 5

  private struct Counts {
    var waiting = 0
    var dropped = 0
  }

  private let writer: Writer
  private let queue = DispatchQueue(label: "trace")
  private let counts = Mutex(Counts())

  /// Begins a file, in the place of one that was there.
  ///
  /// Throws if it cannot be written.
  public init(_ path: String) throws(FileError) { writer = try Writer(path) }

  /// Adds what the threads of a process did, in the server's time.
  ///
  /// - Parameters:
  ///   - process: 0 for the server, the number of a worker.
  ///   - dropped: how many more spans there would have been.
  func add(_ spans: [Span], of process: Int, named name: String, dropped: Int = 0) {
    let isTooMuch = counts.withLock { counts in
      counts.dropped += dropped
      let isTooMuch = counts.waiting + spans.count > Self.waitingLimit
      if isTooMuch { counts.dropped += spans.count } else { counts.waiting += spans.count }
      return isTooMuch
    }
    guard !isTooMuch else { return }
    queue.async { [self] in
      let lost = writer.write(spans, of: process, named: name)
      counts.withLock {
        $0.waiting -= spans.count
        $0.dropped += lost
      }
    }
  }

  /// Ends the file, if that does not take long; a sentence if something of the run is not in it.
  func finish() -> String? {
    let isDone = DispatchSemaphore(value: 0)
    queue.async { [self] in
      writer.finish(dropped: counts.withLock { $0.dropped })
      isDone.signal()
    }
    guard isDone.wait(timeout: .now() + .seconds(Self.drainSeconds)) == .success else {
      return "The trace \(writer.path) is not complete: the disk is too slow."
    }
    if let failure = writer.failure {
      return "The trace \(writer.path) is not complete: \(String(cString: strerror(failure)))."
    }
    let dropped = counts.withLock { $0.dropped }
    guard dropped > 0 else { return nil }
    return "The trace \(writer.path) is not complete: \(dropped) spans were left out."
  }

  /// What writes, on the queue alone but for what never changes, or is read after the end.
  private final class Writer: @unchecked Sendable {
    let path: String
    private(set) var failure: Int32?
    private let descriptor: Int32
    private var written = 0
    private var named: Set<Int> = []
    /// When the last span of each line of the trace ended.
    private var ends: [Int: Int64] = [:]

    init(_ path: String) throws(FileError) {
      self.path = path
      descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError("write the trace", path) }
      put("[\n")
    }

    deinit { close(descriptor) }

    /// Writes spans; how many were left out.
    func write(_ spans: [Span], of process: Int, named name: String) -> Int {
      guard failure == nil else { return spans.count }
      let fitting = spans.prefix(max(0, TraceFile.spanLimit - written))
      var text = named.insert(process).inserted ? names(of: process, name) : ""
      for span in fitting {
        // A clock that was corrected must not make a thread do two things at once.
        let line = process << 1 | Int(span.track.rawValue)
        let start = max(span.start, ends[line] ?? .min)
        guard span.end > start else { continue }
        ends[line] = span.end
        text += event(span, from: start, of: process)
      }
      written += fitting.count
      put(text)
      return spans.count - fitting.count
    }

    func finish(dropped: Int) {
      put(
        """
        {"name":"trace","ph":"M","pid":0,"args":{"spans":\(written),"dropped":\(dropped)}}
        ]\n
        """)
    }

    private func event(_ span: Span, from start: Int64, of process: Int) -> String {
      let index = span.activity == .computing ? ",\"index\":\(span.subject.index)" : ""
      return """
        {"name":"\(span.activity.name)","ph":"X","ts":\(start),"dur":\(span.end - start),\
        "pid":\(process),"tid":\(span.track.rawValue),\
        "args":{"step":\(span.subject.step)\(index)}},\n
        """
    }

    private func names(of process: Int, _ name: String) -> String {
      let quoted = (try? JSONEncoder().encode(name)).map { String(decoding: $0, as: UTF8.self) }
      let head = """
        {"name":"process_name","ph":"M","pid":\(process),"args":{"name":\(quoted ?? "\"\"")}},
        {"name":"process_sort_index","ph":"M","pid":\(process),"args":{"sort_index":\(process)}},\n
        """
      return Track.allCases.reduce(head) { text, track in
        text + """
          {"name":"thread_name","ph":"M","pid":\(process),"tid":\(track.rawValue),\
          "args":{"name":"\(track)"}},\n
          """
      }
    }

    private func put(_ text: String) {
      var text = text
      failure = failure ?? text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
    }
  }
}
