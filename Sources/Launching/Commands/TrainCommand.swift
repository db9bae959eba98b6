// relate train: a run on this machine, as a cluster of processes or as one.

import ArgumentParser
import Foundation
import NeuralNetworks
import Tensors
import Training

/// `relate train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model on this machine: a parameter server and workers, or one process.",
    discussion: """
      The result depends on the experiment alone (task, sizes, schedule, seed, replicas), not on \
      how many processes compute it. Ctrl-C finishes the step and writes a checkpoint.

      Example: relate train sort-of-clevr --preset quick --workers 2
      Resume:  relate train --run runs/sort-of-clevr-quick-seed1 --resume
      """)

  @OptionGroup var experiment: ExperimentOptions
  @OptionGroup var place: RunOptions

  @Option(
    help: ArgumentHelp("Worker processes; as many as cores unless said.", valueName: "n"))
  var workers: Int?

  @Flag(help: "Compute everything in this process, for debugging.")
  var singleProcess = false

  @Option(
    help: ArgumentHelp(
      "Threads of each process that computes. Bits do not depend on it.", valueName: "n"))
  var threads: ThreadCount?

  func validate() throws {
    if singleProcess && workers != nil {
      throw ValidationError("Say --workers or --single-process, not both.")
    }
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers must be from 1 to 1024, not \(workers).")
    }
  }

  func run() throws {
    try reportingErrors {
      let (directory, chosen) = try place.choose(experiment)
      if chosen == nil, try showIfComplete(directory) { return 0 }
      let cores = ProcessInfo.processInfo.activeProcessorCount
      if singleProcess {
        return try trainAlone(chosen, directory, threads: threads?.count ?? cores)
      }
      let cluster = LocalCluster(
        directory: directory, experiment: chosen, workers: workers ?? cores,
        threads: threads?.count ?? 1)
      return try cluster.run()
    }
  }

  private func trainAlone(_ experiment: Experiment?, _ directory: RunDirectory, threads: Int) throws
    -> Int32
  {
    let settled = try experiment ?? directory.readExperiment().experiment
    let context = try ComputeContext(
      threadCount: threads, engine: settled.engine, precision: settled.precision)
    // Before the run's files are touched.
    if experiment == nil { try directory.readExperiment().requireNumerics(of: context) }
    let prepared = try PreparedRun(directory, beginning: experiment)
    let stop = StopRequest(endsWithParent: false, answer: StopRequest.finishesStep)
    var state = prepared.state
    let progress = Progress(
      totalSteps: settled.steps, samplesPerStep: settled.replicas * settled.batchSize)
    announce(prepared, progress)
    let setting = RunSetting(
      recorder: prepared.recorder, progress: progress, isStopRequested: { stop.isRequested })
    let ending = try trainInSingleProcess(
      prepared.task, from: &state, setting: setting, context: context)
    return try conclude(ending, of: setting, task: prepared.task, step: state.step)
  }
}

/// Says what is about to be trained.
func announce(_ run: PreparedRun, _ progress: Training.Progress) {
  let experiment = run.recorder.record.experiment
  let begun = run.state.step == 0 ? "" : ", from step \(run.state.step)"
  progress.note(
    "\(run.recorder.directory.path): \(experiment.steps) steps of \(experiment.replicas) x "
      + "\(experiment.batchSize) samples, \(run.task.layout.parameterCount) parameters, "
      + "seed \(experiment.seed)\(begun)")
}
