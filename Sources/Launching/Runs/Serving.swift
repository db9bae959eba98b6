// A run computed: by this process alone, or by workers that this process serves.

import Learning
import NeuralNetworks
import Tensors
import Training

extension PreparedRun {
  /// Computes the run in this process; how it ended, and after which step.
  func computeAlone(
    _ task: some LearningTask, showing display: ProgressDisplay, until stop: StopRequest,
    _ context: ComputeContext
  ) throws -> (RunEnding, step: Int) {
    var state = state
    let setting = setting(display, stop)
    for line in recorder.notes + [announcement] { setting.observers.tell(.note(line)) }
    let ending = try trainInSingleProcess(task, from: &state, setting: setting, context: context)
    return (ending, state.step)
  }

  /// Serves workers until the run has ended; how it ended, and after which step.
  ///
  /// - Parameter invitation: what to say once workers can come.
  func serve(
    on listener: Listener, _ options: ServerOptions, showing display: ProgressDisplay,
    until stop: StopRequest, invitation: String?
  ) throws -> (RunEnding, step: Int) {
    let setting = setting(display, stop)
    for line in recorder.notes + [announcement] { setting.observers.tell(.note(line)) }
    let server = try ServerLoop(
      from: state, setting: setting, listener: listener, options: options)
    if let invitation { setting.observers.tell(.note(invitation)) }
    let (ending, state) = try server.run()
    return (ending, state.step)
  }

  private func setting(_ display: ProgressDisplay, _ stop: StopRequest) -> RunSetting {
    RunSetting(
      recorder: recorder, observers: [display], isStopRequested: { stop.isRequested })
  }
}
