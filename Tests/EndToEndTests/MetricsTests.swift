// --metrics: what a program that watches is answered, and what nobody can do with that port.

import Foundation
import Glibc
import TestSupport
import Testing
import Training

@Suite struct MetricsTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  /// Sends a request and reads until the other side closes.
  private func ask(_ port: UInt16, _ request: String) throws -> String {
    let descriptor = try #require(connection(to: port))
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    _ = send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
      answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }

  private func get(_ port: UInt16, _ path: String) throws -> String {
    try ask(port, "GET \(path) HTTP/1.1\r\nHost: here\r\n\r\n")
  }

  /// The samples of a page by name and labels, once it has been found to be well-formed.
  private func samples(_ page: String) throws -> [String: Double] {
    let parts = page.split(separator: "\r\n\r\n", maxSplits: 1)
    #expect(parts[0].hasPrefix("HTTP/1.1 200 OK\r\n"), "\(page)")
    #expect(parts[0].contains("Content-Type: text/plain; version=0.0.4"))
    #expect(parts[0].contains("Content-Length: \(parts[1].utf8.count)"))
    var samples: [String: Double] = [:]
    var families: Set<Substring> = []
    for line in parts[1].split(separator: "\n") {
      if let type = line.firstMatch(of: /^# TYPE (\w+) (?:gauge|counter)$/) {
        #expect(families.insert(type.1).inserted)
      } else if !line.hasPrefix("# HELP ") {
        let sample = try #require(line.wholeMatch(of: /((\w+)(?:\{.*\})?) (\S+)/), "\(line)")
        #expect(families.contains(sample.2))
        samples[String(sample.1)] = try #require(Double(sample.3), "\(line)")
      }
    }
    return samples
  }

  /// The port that a process says it answers at.
  private func port(_ process: RunningProcess) throws -> UInt16 {
    var port: UInt16?
    try waitUntil("the address of the metrics") {
      port = process.output.firstMatch(of: /Metrics: http:\/\/127\.0\.0\.1:(\d+)\/metrics/)
        .flatMap { UInt16($0.1) }
      return port != nil
    }
    return try #require(port)
  }

  @Test func theNumbersOfARun() throws {
    let cluster = try ClusterByHand(.states, ["--metrics", "0"], run: "run", in: workspace)
    let port = try port(cluster.server)
    let before = try samples(get(port, "/metrics"))
    #expect(before["relate_step"] == 0 && before["relate_steps_planned"] == 200)
    #expect(try get(port, "/healthz").hasSuffix("\r\n\r\nok\n"))
    let worker = try cluster.startWorker()
    var now: [String: Double] = [:]
    try waitUntil("numbers of an evaluation") {
      now = try samples(get(port, "/metrics"))
      return now["relate_evaluation_step{split=\"validation\"}"] != nil
    }
    let step = try #require(now["relate_step"])
    #expect(step >= 25 && now["relate_steps_total"] == step)
    #expect(now["relate_samples_total"] == step * 4 * 16)
    #expect(try #require(now["relate_steps_per_second"]) > 0)
    #expect(now["relate_workers"] == 1 && now["relate_checkpoints_total"] != 0)
    #expect(try #require(now["relate_loss"]) > 0)
    #expect(now["relate_training{metric=\"loss\"}"] == now["relate_loss"])
    #expect(
      now["relate_evaluation{metric=\"accuracy/relational\",split=\"validation\"}"] != nil)
    // Each replica brings the gradient, as long as the values are.
    let received = try #require(now["relate_bytes_total{direction=\"in\"}"])
    let sent = try #require(now["relate_bytes_total{direction=\"out\"}"])
    #expect(sent > 100_000 && received > 3 * sent, "\(received) in, \(sent) out")
    let replicas = now.first { $0.key.hasPrefix("relate_worker_replicas_total{") }
    #expect(replicas?.key.contains("process=\"\(worker.identifier)\"") == true)
    #expect(try #require(replicas?.value) >= 4 * 24)
    #expect(now["relate_lost_seconds_total{reason=\"data\"}"] != nil)
    #expect(now["relate_server_seconds_total{activity=\"update\"}"] != 0)
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test func aSingleProcessAndALauncherHaveThemToo() throws {
    for arguments in [["--single-process"], ["--workers", "2"]] {
      let name = "run" + arguments[0]
      let run = try workspace.start(.states, arguments + ["--metrics", "127.0.0.1:0"], run: name)
      let port = try port(run)
      try waitUntil("a step") {
        try samples(get(port, "/metrics"))["relate_step"].map { $0 > 0 } ?? false
      }
      try run.wait().requiringSuccess()
    }
  }

  @Test func whatIsNoRequestForNumbersIsRefused() throws {
    let cluster = try ClusterByHand(.short, ["--metrics", "0"], run: "run", in: workspace)
    let port = try port(cluster.server)
    #expect(try get(port, "/").hasPrefix("HTTP/1.1 404 "))
    #expect(try ask(port, "POST /metrics HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
    #expect(try ask(port, "nonsense\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    let long = "GET /metrics HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 4_000)
    #expect(try ask(port, long).hasPrefix("HTTP/1.1 431 "))
    let head = try ask(port, "HEAD /metrics HTTP/1.1\r\n\r\n")
    #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.short.get().digests)
  }

  /// Many who say nothing, or half a request, or never read: whoever asks is answered all the same.
  @Test func strangersKeepNobodyFromTheNumbers() throws {
    let cluster = try ClusterByHand(.states, ["--metrics", "0"], run: "run", in: workspace)
    let port = try port(cluster.server)
    var strangers: [Int32] = []
    defer { for descriptor in strangers { close(descriptor) } }
    for count in 0..<100 {
      guard let stranger = connection(to: port) else { continue }
      strangers.append(stranger)
      let said = ["", "GET /metr", "GET /metrics HTTP/1.1\r\n\r\n"][count % 3]
      _ = send(stranger, said, said.utf8.count, Int32(MSG_NOSIGNAL))
    }
    #expect(strangers.count > 50)
    #expect(try samples(get(port, "/metrics"))["relate_steps_planned"] == 200)
    // The thread that answers has descriptors of its own.
    let threads = "/proc/\(cluster.server.identifier)/task"
    for thread in try FileManager.default.contentsOfDirectory(atPath: threads) {
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(threads)/\(thread)/fd")
      #expect(files.count < 60, "\(files.count) descriptors")
    }
    try cluster.startWorker()
    try cluster.server.wait().requiringSuccess()
    #expect(try workspace.run("run").digests() == Reference.states.get().digests)
  }

  @Test(arguments: [[], ["--workers", "1"], ["--single-process"]])
  func aPortThatIsTakenEndsTheProgramBeforeTheRunBegins(arguments: [String]) throws {
    let cluster = try ClusterByHand(.short, run: "other", in: workspace)
    let address = try #require(cluster.endpoint.split(separator: "//").last)
    let options = Trial.short.options + ["--run", "run", "--metrics", String(address)]
    let program: Executable = arguments.isEmpty ? .server : .relate
    let words = (arguments.isEmpty ? [] : ["train"]) + options + arguments
    expectRefusal(
      try RunningProcess(program, words, in: workspace).wait(),
      ["--metrics: cannot listen on tcp://\(address)"])
    #expect(!FileManager.default.fileExists(atPath: workspace.path("run")))
  }

  @Test(arguments: ["nowhere", "ipc:///tmp/x", "1.2.3.4:99999"])
  func whatIsNoAddressIsRefused(address: String) throws {
    let ended = try workspace.relate(["train"] + Trial.short.options + ["--metrics", address])
    expectRefusal(ended, code: 64, ["--metrics"])
  }
}
