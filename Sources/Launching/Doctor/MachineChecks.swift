// What a run needs of this machine.

import Files
import Foundation
import Glibc
import Messaging
import Tensors
import Training

extension Check {
  /// Everything about this machine, the disk below a directory, and keys.
  static func machine(disk: String, keys: KeyPlace) -> [Check] {
    [release, processor] + arithmetic + [descriptors, memory, space(of: disk)]
      + [writing(to: disk), self.keys(keys)].compactMap(\.self)
  }

  private static var release: Check {
    .good(
      "release", "Relate \(relateVersion), protocol \(protocolVersion), ZeroMQ \(zeroMQVersion)")
  }

  private static var processor: Check {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    var loads = [Double](repeating: 0, count: 1)
    let load = getloadavg(&loads, 1) == 1 ? loads[0] : 0
    let finding = "\(processorName), \(cores) cores, load \(decimals(load, 1))"
    guard load > 1.5 * Double(cores) else { return .good("processor", finding) }
    return .note(
      "processor", finding, advice: "Others compute here, too: steps take as long as the slowest.")
  }

  private static var processorName: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
      ?? "a processor without a name"
  }

  /// Each engine with the bits that it computes: machines of one run must show the same.
  private static var arithmetic: [Check] {
    let numerics = Numerics.fingerprints()
    let checks = MatrixEngine.allCases.map { engine in
      if let failure = engine.failure(computingIn: .fp32) {
        return Check.note(
          engine.rawValue, failure, advice: "Runs that ask for this engine cannot be computed here."
        )
      }
      let bits = Precision.allCases.compactMap { precision in
        numerics[Numerics.key(engine, precision)].map { "\(precision.rawValue) \($0)" }
      }
      return .good(engine.rawValue, "\(engine.description): \(bits.joined(separator: ", "))")
    }
    guard numerics.isEmpty else { return checks }
    return checks + [
      .bad("arithmetic", "no engine", advice: "Install one: apt-get install libopenblas0-pthread")
    ]
  }

  private static var descriptors: Check {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // A server has some three for each worker.
    guard limit.rlim_max < 4096 else {
      return .good("open files", "at most \(min(limit.rlim_max, 1 << 32))")
    }
    let finding = "at most \(limit.rlim_max), enough for a server of \(limit.rlim_max / 4) workers"
    let advice = "Raise the hard limit, as with ulimit -Hn 65536 or LimitNOFILE=65536."
    return limit.rlim_max < 64
      ? .bad("open files", finding, advice: advice) : .note("open files", finding, advice: advice)
  }

  private static var memory: Check {
    let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable") }
    let free = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    let limits = [
      "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ].compactMap { path in
      (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
        Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    let usable = ([free ?? Int.max] + limits).min() ?? Int.max
    let finding = "\(usable >> 20) MiB free or allowed"
    guard usable < 256 << 20 else { return .good("memory", finding) }
    return .bad(
      "memory", finding,
      advice: "The smallest run takes some 256 MiB: end other programs, or "
        + "raise the limit of the control group.")
  }

  private static func space(of directory: String) -> Check {
    var status = statvfs()
    guard statvfs(directory, &status) == 0 else {
      return .bad(
        "disk", "\(directory): \(String(cString: strerror(errno)))",
        advice: "Name a directory that is there with --disk DIR.")
    }
    let free = Int(status.f_bavail) * Int(status.f_frsize)
    let finding = "\(free >> 20) MiB free below \(directory)"
    guard free < 1 << 30 else { return .good("disk", finding) }
    let advice = "A checkpoint has twelve bytes for each parameter, and some five are kept."
    return free < 64 << 20
      ? .bad("disk", finding, advice: advice) : .note("disk", finding, advice: advice)
  }

  /// Writes some megabytes as a checkpoint is written, down to the disk.
  private static func writing(to directory: String) -> Check {
    let path = directory + "/.relate-doctor-\(UUID().uuidString)"
    let content = Data(repeating: 0x5A, count: 16 << 20)
    let start = ContinuousClock.now
    do { try AtomicFile.write(content, to: path) } catch {
      return .bad(
        "writing", error.description, advice: "Name a directory that may be written with --disk.")
    }
    unlink(path)
    let rate = Double(content.count >> 20) / start.duration(to: .now).seconds
    let finding = "\(decimals(rate, 0)) MiB/s, flushed to the disk"
    guard rate < 20 else { return .good("writing", finding) }
    return .note(
      "writing", finding, advice: "The server waits for checkpoints: put runs on a faster disk.")
  }

  private static func keys(_ place: KeyPlace) -> Check? {
    guard !place.isInsecure else { return nil }
    let directory = KeyDirectory(path: place.path ?? KeyDirectory.standardPath)
    guard directory.holdsKeys || place.path != nil else {
      return .good("keys", "none yet; they are made in \(directory.path) when they are needed")
    }
    do {
      let (own, server) = (try directory.ownKeys().publicKey, try directory.serverKey())
      let allowed = try directory.allowedKeys().count - 1
      let joined = own == server ? "servers with the same keys" : "the server of key \(server)"
      return .good("keys", "\(own), joins \(joined), lets in \(allowed) others")
    } catch { return .bad("keys", "\(error)", advice: "See relate keys --help.") }
  }
}
