// A run computed: by this process alone, or by workers that this process serves.

import Learning
import Messaging
import NeuralNetworks
import Tensors
import Training

extension PreparedRun {
  /// Computes the run in this process; how it ended, and after which step.
  func computeAlone(
    _ task: some LearningTask, watchedBy watchers: Watchers, until stop: StopRequest,
    _ context: ComputeContext
  ) throws -> (RunEnding, step: Int) {
    var state = state
    let setting = setting(watchers, stop)
    tellBeginning(setting, watchers)
    let ending = try trainInSingleProcess(task, from: &state, setting: setting, context: context)
    return (ending, state.step)
  }

  /// Serves workers until the run has ended; how it ended, and after which step.
  ///
  /// - Parameter invitation: what to say once workers can come.
  func serve(
    on listener: Listener, _ options: ServerOptions, watchedBy watchers: Watchers,
    until stop: StopRequest, invitation: String?
  ) throws -> (RunEnding, step: Int) {
    let setting = setting(watchers, stop)
    tellBeginning(setting, watchers)
    let server = try ServerLoop(
      from: state, setting: setting, listener: listener, options: options)
    if let invitation { setting.observers.tell(.note(invitation)) }
    let (ending, state) = try server.run()
    return (ending, state.step)
  }

  private func tellBeginning(_ setting: RunSetting, _ watchers: Watchers) {
    for line in recorder.notes + [announcement] + watchers.notes {
      setting.observers.tell(.note(line))
    }
  }

  private func setting(_ watchers: Watchers, _ stop: StopRequest) -> RunSetting {
    RunSetting(
      recorder: recorder, observers: [watchers.display], metrics: watchers.metrics?.numbers,
      trace: watchers.trace?.file,
      isStopRequested: { stop.isRequested })
  }
}

/// Who watches a run.
struct Watchers {
  /// What people see.
  let display: any RunObserver
  /// Where it is written what each thread did.
  var trace: (file: TraceFile, path: String)?
  /// The numbers for other programs, and where they are.
  var metrics: (numbers: RunMetrics, endpoint: Endpoint)?

  /// What people should know of it.
  var notes: [String] {
    var notes = trace.map { ["Trace: \($0.path), for https://ui.perfetto.dev"] } ?? []
    if case .tcp(let host, let port) = metrics?.endpoint.transport {
      notes.append("Metrics: http://\(host.contains(":") ? "[\(host)]" : host):\(port)/metrics")
    }
    return notes
  }
}
