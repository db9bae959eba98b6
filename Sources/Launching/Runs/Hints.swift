// Commands that are shown to people: they work when they are pasted.

import Foundation
import Learning
import NeuralNetworks
import Training

/// A text as one word of a shell.
func quoted(_ text: String) -> String {
  let isPlain =
    !text.isEmpty
    && text.utf8.allSatisfy { byte in
      let character = Character(UnicodeScalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber)
        || "_-./:@%+=,".contains(character)
    }
  return isPlain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
}

/// How a run is gone on with, as it was begun.
struct RunHint {
  /// The program and its first words.
  private let program: [String]
  /// What else it was told that is no part of the experiment.
  private var options: [String]

  /// By `relate train`, as one process or as a cluster, of this machine or with these options.
  static func train(singleProcess: Bool = false, options: [String] = [], data: String?) -> RunHint {
    RunHint(
      program: ["relate", "train"], options: singleProcess ? ["--single-process"] : options,
      data: data)
  }

  /// By a `ParameterServer` with these options.
  static func server(options: [String], data: String?) -> RunHint {
    RunHint(program: ["ParameterServer"], options: options, data: data)
  }

  private init(program: [String], options: [String], data: String?) {
    self.program = program
    self.options = options + (data.map { ["--data", $0] } ?? [])
  }

  /// The command that goes on with the run in a directory.
  func resuming(_ path: String) -> String {
    shown(["--run", path, "--resume"])
  }

  /// What to do after a failure: go on from the last checkpoint.
  func afterFailure(in directory: RunDirectory) -> String {
    let steps = directory.checkpointSteps()
    let kept = steps.last.map { "The checkpoint of step \($0) is kept" } ?? "No step was computed"
    return "\(kept); go on with: \(resuming(directory.path))"
  }

  /// What to do with a run that has gone astray: it would go astray again, so it is begun anew,
  /// with a lower rate.
  func afterDivergence(in directory: RunDirectory) throws -> String {
    let experiment = try directory.readExperiment().experiment
    let usual = try catalogue.plan(for: experiment.task).learningRate.highest
    let rate = min(experiment.learningRate.highest / 10, usual)
    var words = ["--experiment", directory.experimentPath, "--learning-rate", "\(rate)"]
    if experiment.clipping == nil { words += ["--clip-norm", "1"] }
    if experiment.origin != nil {
      // What it began with is in the directory unless that was tidied up.
      guard directory.checkpointSteps().contains(0) else {
        return "Begin it again as you did, with --learning-rate \(rate)."
      }
      words += ["--from", "\(directory.path)@0"]
    }
    return "Begin again with a lower rate: "
      + shown(words + ["--run", Self.freePath(beside: directory.path)])
  }

  private func shown(_ words: [String]) -> String {
    (program + words + options).map(quoted).joined(separator: " ")
  }

  private static func freePath(beside path: String) -> String {
    var count = 2
    while FileManager.default.fileExists(atPath: "\(path)-\(count)") { count += 1 }
    return "\(path)-\(count)"
  }
}
