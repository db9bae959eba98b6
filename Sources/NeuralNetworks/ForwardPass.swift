// One evaluation of a model: binds its parameters to a tape.

import Autodiff
import Tensors

/// Whether a pass trains, and what its random numbers are keyed by if it does.
public enum PassMode: Hashable, Sendable {
  /// Batch statistics, dropout on.
  case training(seed: UInt64, step: Int, replica: Int)
  /// Running statistics, dropout off.
  case evaluation
}

/// One evaluation of a model with given parameters.
///
/// Layers read their parameters through `pass[weight]`, which puts them on the tape the first time,
/// and leave their batch statistics in the pass. A pass lives for one batch.
public final class ForwardPass {
  /// The tape that the model's operations are recorded on.
  public let tape: Tape
  /// Whether this pass trains.
  public let mode: PassMode
  /// The values of the model.
  public let values: ParameterVector
  /// The variable of each parameter that was read, by offset.
  private var bound: [Int: Variable] = [:]
  /// The batch statistics that layers left, by offset of the running statistic.
  private var batchStatistics: [Int: Tensor] = [:]
  private var dropoutLayers: UInt64 = 0

  /// A pass over a fresh tape.
  ///
  /// Without `recordingGradients` nothing can be differentiated, and intermediate values are freed
  /// as soon as they are used.
  public init(
    _ values: ParameterVector, mode: PassMode, context: ComputeContext,
    recordingGradients: Bool = true
  ) {
    self.values = values
    self.mode = mode
    tape = Tape(context: context, isRecording: recordingGradients)
  }

  /// Whether batch normalisation uses the batch's own statistics and dropout drops.
  public var isTraining: Bool { mode != .evaluation }

  /// The parameter as a variable of this pass.
  public subscript(parameter: Parameter) -> Variable {
    if let variable = bound[parameter.offset] { return variable }
    let variable = tape.variable(values.value(of: parameter))
    bound[parameter.offset] = variable
    return variable
  }

  /// Leaves a batch statistic for the running one that `statistic` names; the server folds it in.
  public func record(_ batchStatistic: Tensor, for statistic: Parameter) {
    precondition(batchStatistic.shape == statistic.shape, "statistic \(statistic.name)")
    batchStatistics[statistic.offset] = batchStatistic
  }

  /// The random numbers of the next dropout layer of this pass.
  public func nextDropoutRandom() -> CounterRandom {
    guard case .training(let seed, let step, let replica) = mode else {
      preconditionFailure("dropout draws only while training")
    }
    // Eight bits of the index tell the layers of one step apart.
    precondition(dropoutLayers < 256, "more than 256 dropout layers in one pass")
    defer { dropoutLayers += 1 }
    return CounterRandom(
      seed: seed, purpose: .dropout, index: UInt64(step) << 8 | dropoutLayers,
      subindex: UInt32(replica))
  }

  /// The gradient of a loss of this pass with respect to all parameters, flat:
  /// `[layout.parameterCount]`, zero where the loss does not depend on a parameter.
  ///
  /// The pass ends with it: its intermediate values make room for gradients.
  public func gradient(of loss: Variable) -> Tensor {
    let parameters = values.layout.parameters
    let read = parameters.compactMap { bound[$0.offset] }
    var gradients = finalGradient(of: loss, withRespectTo: read).makeIterator()
    return Tensor(shape: [values.layout.parameterCount]) { flat in
      for parameter in parameters {
        let target = UnsafeMutableBufferPointer(rebasing: flat[parameter.range])
        if bound[parameter.offset] != nil, let gradient = gradients.next() {
          gradient.value.withScalars { _ = target.initialize(from: $0) }
        } else {
          target.initialize(repeating: 0)
        }
      }
    }
  }

  /// The batch statistics of this pass, flat: `[layout.statisticCount]`.
  public func statistics() -> Tensor {
    Tensor(shape: [values.layout.statisticCount]) { flat in
      for statistic in values.layout.statistics {
        let value = batchStatistics[statistic.offset] ?? values.statistic(statistic)
        value.withScalars { source in
          _ = UnsafeMutableBufferPointer(rebasing: flat[statistic.range]).update(from: source)
        }
      }
    }
  }
}
