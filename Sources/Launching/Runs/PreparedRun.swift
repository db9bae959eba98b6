// A run that is ready to be computed.

import DataFiles
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Training

/// A run that is ready to be computed: begun, or opened to go on.
struct PreparedRun {
  let facts: TaskFacts
  let state: TrainingState
  let recorder: RunRecorder
  /// Whether it was begun before.
  private let isResumed: Bool

  /// Begins a run, or opens the one to go on with.
  ///
  /// - Parameters:
  ///   - task: the task, if this process has opened it; its samples are vouched for then.
  ///   - interval: how often checkpoints are written beside those at evaluations.
  init(
    _ plan: RunPlan, task: (any LearningTask)?, checkpointEvery interval: CheckpointInterval
  ) throws {
    isResumed = plan.beginning == nil
    if let experiment = plan.beginning {
      facts = try catalogue.facts(of: experiment.task, data: experiment.data)
      try requireMemory(for: facts.layout)
      let context = try computeContext(engine: experiment.engine, precision: experiment.precision)
      let samples = try task.map {
        try sampleFingerprint(of: $0, experiment: experiment, context: context)
      }
      let record = ExperimentRecord(
        experiment, samples: samples,
        numerics: Numerics.fingerprint(of: context), engine: context.engineDescription,
        relate: relateVersion, machine: Self.machine())
      (recorder, state) = try RunRecorder.starting(
        record, in: plan.directory, facts: facts, origin: plan.origin?.saved.values,
        checkpointEvery: interval)
      return
    }
    if let steps = plan.moreSteps { _ = try plan.directory.extend(toSteps: steps) }
    let experiment = try plan.directory.readExperiment().experiment
    facts = try catalogue.facts(of: experiment.task, data: experiment.data)
    (recorder, state) = try RunRecorder.resuming(
      plan.directory, facts: facts, checkpointEvery: interval)
  }

  /// Shows people what happens, or programs if `log` speaks to those.
  func display(_ log: Log) -> any RunObserver {
    let record = recorder.record
    guard log.format == .json else {
      return ProgressDisplay(record.experiment, facts: facts, level: log.level)
    }
    return LogDisplay(
      log: log.with("run", .string(recorder.directory.path))
        .with("experiment", .string(record.fingerprint.description)))
  }

  /// What is about to be computed, for people.
  var announcement: String {
    let experiment = recorder.record.experiment
    let path = recorder.directory.path
    let size =
      "\(experiment.steps) steps of \(experiment.replicas) x \(experiment.batchSize) samples, "
      + "\(facts.layout.parameterCount) parameters, seed \(experiment.seed)"
    let begun =
      switch (state.step, isResumed) {
      case (0, false): ""
      case (0, true): ", from the start again: it was stopped before its first checkpoint"
      case (let step, _): ", from step \(step)"
      }
    return "\(path): \(size)\(begun)"
  }

  private static func machine() -> String {
    let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    let info = ProcessInfo.processInfo
    return "\(model ?? "unknown processor"), \(info.processorCount) cores, "
      + "\(info.physicalMemory >> 30) GiB, \(info.operatingSystemVersionString)"
  }
}

/// The task of an experiment, with its data.
///
/// Throws, saying what to do, if the data are not there or others than the experiment's.
func openTask(of experiment: Experiment, at place: DataPlace?) throws -> any LearningTask {
  try requireData(of: experiment, at: place)
  if experiment.data != nil, let place { try requireUnchanged(place) }
  return try catalogue.open(experiment.task, data: experiment.data, at: place)
}

/// Throws, saying what to do, unless the data at a place are described as those of an experiment.
func requireData(of experiment: Experiment, at place: DataPlace?) throws {
  if let wanted = experiment.data {
    guard let place else {
      throw TrainingError(
        "The run learns from the data set \(wanted.name) \(wanted.version): say where it is on "
          + "this machine with --data DIR.")
    }
    let found = try DataSetIdentity(of: place)
    guard found == wanted else {
      throw TrainingError(
        """
        The data in \(place.path) are not those of the run: it learns from \(wanted.name) \
        \(wanted.version) (\(wanted.fingerprint)), and there is \(found.name) \(found.version) \
        (\(found.fingerprint)).
        """)
    }
  } else if let place {
    throw TrainingError(
      "The run generates its data and reads none: leave out --data \(place.path).")
  }
}

/// Throws if a data set's files are not those that its description vouches for.
///
/// Few files, as packed data have, are read as a whole; of many, only the sizes are looked at, and
/// `relate data check` reads them.
func requireUnchanged(_ place: DataPlace) throws {
  let directory = DataDirectory(place.path)
  let manifest = try directory.readManifest()
  let findings = directory.verify(manifest, sizesOnly: manifest.files.count > 16)
  if let first = findings.first {
    throw TrainingError(
      "\(first). What was changed on purpose is described anew by: relate data check "
        + "\(quoted(place.path)) --renew")
  }
}

/// Throws if a model does not fit into this machine's memory: its values, their gradient, the mean
/// and the two moments at the least.
private func requireMemory(for layout: ParameterLayout) throws {
  let needed = 5 * 4 * layout.parameterCount
  let present = Int(ProcessInfo.processInfo.physicalMemory)
  guard needed > present else { return }
  throw TrainingError(
    """
    The model has \(layout.parameterCount) parameters and needs \(needed >> 30) GiB to be trained; \
    this machine has \(present >> 30). Choose smaller sizes.
    """)
}

extension ExperimentRecord {
  /// Throws if a context computes with other bits than the run has so far.
  func requireNumerics(of context: ComputeContext) throws {
    guard Numerics.fingerprint(of: context) != numerics else { return }
    if context.engineDescription == engine {
      throw TrainingError(
        """
        This program computes with other bits than the run has so far, with the same \(engine): \
        the run was begun by another release (\(relate), this is \(relateVersion)) or on another \
        kind of processor. Resume it with those, or begin it again.
        """)
    }
    throw TrainingError(
      """
      This machine computes with other bits than the run has so far: it has \
      \(context.engineDescription), the run has \(engine). \
      \(Numerics.remedy(for: experiment.engine)), or resume on the machine it began on.
      """)
  }
}
