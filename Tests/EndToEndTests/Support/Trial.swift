// Experiments that are small enough to be run again and again, and what they must come to.

import Foundation
import Glibc
import Synchronization
import Training

/// An experiment of seconds.
struct Trial: Sendable {
  let options: [String]
  let steps: Int

  /// The convolutional relation network from pixels.
  static let pixels = Trial(
    preset: "small", replicas: 5, batchSize: 4, steps: 4, evaluationInterval: 2, images: 2)

  /// State descriptions: steps of milliseconds, so enough of them to be interrupted between.
  static let states = Trial(
    preset: "quick", replicas: 4, batchSize: 16, steps: 200, evaluationInterval: 25, images: 3)

  /// As short as a run can be that has every file.
  static let short = Trial(
    preset: "quick", replicas: 2, batchSize: 4, steps: 4, evaluationInterval: 2, images: 3)

  private init(
    preset: String, replicas: Int, batchSize: Int, steps: Int, evaluationInterval: Int, images: Int
  ) {
    self.steps = steps
    options = [
      "sort-of-clevr", "--preset", preset, "--replicas", "\(replicas)",
      "--batch-size", "\(batchSize)", "--steps", "\(steps)",
      "--evaluate-every", "\(evaluationInterval)", "--set", "images.training=50",
      "--set", "images.validation=\(images)", "--set", "images.test=\(images)",
    ]
  }
}

/// A trial's run that was never interrupted, in a single process on one thread.
final class Reference: Sendable {
  let workspace: Workspace
  let run: RunDirectory
  let digests: [String]
  let summary: RunSummary

  private init(_ trial: Trial) throws {
    workspace = try Workspace()
    Self.removeAtExit(workspace.path)
    run = workspace.run("reference")
    try workspace.train(trial, ["--single-process", "--threads", "1"], run: "reference")
    digests = try run.digests()
    guard let summary = try run.readSummary() else { throw TestFailure("There is no summary.") }
    self.summary = summary
  }

  /// The references are kept until the tests are over, so nobody else removes their files.
  private static let paths = Mutex<[String]>([])

  private static func removeAtExit(_ path: String) {
    paths.withLock { paths in
      if paths.isEmpty {
        atexit {
          let paths = Reference.paths.withLock { $0 }
          for path in paths { try? FileManager.default.removeItem(atPath: path) }
        }
      }
      paths.append(path)
    }
  }

  static let pixels = Result { try Reference(.pixels) }
  static let states = Result { try Reference(.states) }
  static let short = Result { try Reference(.short) }
}
