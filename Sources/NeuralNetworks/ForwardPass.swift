// One evaluation of a model: binds its parameters to a tape.

import Autodiff
import Tensors

/// Whether a pass trains, and what its random numbers are keyed by if it does.
public enum PassMode: Hashable, Sendable {
  /// Batch statistics, dropout on; parameters are variables that the loss is differentiated with
  /// respect to.
  case training(seed: UInt64, step: Int, replica: Int)
  /// Running statistics, dropout off; parameters are constants.
  case evaluation
}

/// One evaluation of a model with given parameters.
///
/// Layers read their parameters through `pass[weight]`, which puts them on the tape the first time,
/// and leave their batch statistics in the pass. A pass lives for one batch.
///
/// In an evaluation parameters are constants. So nothing is recorded, and intermediate values are
/// freed as soon as they are used, but for what a model computes from variables of its own: an
/// inner loop takes its gradients there as it does while training (`Variable.innerStep`).
public final class ForwardPass {
  /// The tape that the model's operations are recorded on.
  public let tape: Tape
  /// Whether this pass trains.
  public let mode: PassMode
  /// The values of the model.
  public let values: ParameterVector
  /// The parts of the model whose parameters are constants, and whose statistics stay, while
  /// training.
  public let frozen: FrozenParameters
  /// Whether dropout drops: while training, unless the pass is to be compared with another
  /// program's, which would drop something else.
  public let dropsOut: Bool
  /// The variable of each parameter that was read, by offset.
  private var bound: [Int: Variable] = [:]
  /// The batch statistics that layers left, by offset of the running statistic.
  private var batchStatistics: [Int: Tensor] = [:]
  private var dropoutLayers: UInt64 = 0

  /// A pass over a fresh tape.
  public init(
    _ values: ParameterVector, mode: PassMode, context: ComputeContext,
    frozen: FrozenParameters = .none, dropsOut: Bool = true, profile: OperationProfile? = nil
  ) {
    self.dropsOut = dropsOut && mode != .evaluation
    self.values = values
    self.mode = mode
    self.frozen = frozen
    tape = Tape(context: context, profile: profile)
  }

  /// Whether this pass trains.
  public var isTraining: Bool { mode != .evaluation }

  /// Whether batch normalisation uses the batch's own statistics instead of the running one.
  public func usesBatchStatistics(for statistic: Statistic) -> Bool {
    isTraining && !frozen.contains(statistic.name)
  }

  /// The parameter as a variable of this pass: a constant in an evaluation, or if it is frozen.
  public subscript(parameter: Parameter) -> Variable {
    if let variable = bound[parameter.offset] { return variable }
    let value = values.value(of: parameter)
    let variable =
      isTraining && !frozen.contains(parameter.name)
      ? tape.variable(value) : tape.constant(value, named: parameter.name)
    bound[parameter.offset] = variable
    return variable
  }

  /// Leaves a batch statistic for the running one; the server folds it in.
  public func record(_ batchStatistic: Tensor, for statistic: Statistic) {
    require(
      batchStatistic.shape == statistic.shape,
      "\(statistic.name) \(statistic.shape) from \(batchStatistic.shape)")
    require(usesBatchStatistics(for: statistic), "\(statistic.name) is not to change")
    batchStatistics[statistic.offset] = batchStatistic
  }

  /// The random numbers of the next dropout layer of this pass.
  public func nextDropoutRandom() -> CounterRandom {
    guard case .training(let seed, let step, let replica) = mode else {
      fatalError("dropout draws only while training")
    }
    // Eight bits of the index tell the layers of one step apart.
    require(dropoutLayers < 256, "more than 256 dropout layers in one pass")
    defer { dropoutLayers += 1 }
    return CounterRandom(
      seed: seed, purpose: .dropout, index: UInt64(step) << 8 | dropoutLayers,
      subindex: UInt32(replica))
  }

  /// The gradient of a loss of this pass with respect to all parameters, flat:
  /// `[layout.parameterCount]`, zero where the loss does not depend on a parameter or the parameter
  /// is frozen.
  ///
  /// The pass ends with it: its intermediate values make room for gradients. It must train: in an
  /// evaluation all parameters are constants.
  public func gradient(of loss: Variable) -> Tensor {
    guard isTraining else {
      fatalError("the gradient of \(loss) with respect to parameters, constants in an evaluation")
    }
    let parameters = values.layout.parameters
    let trained = bound.filter { !$1.isConstant }
    let read = parameters.compactMap { trained[$0.offset] }
    var gradients = finalGradient(of: loss, withRespectTo: read).makeIterator()
    return Tensor(shape: [values.layout.parameterCount]) { flat in
      for parameter in parameters {
        let target = UnsafeMutableBufferPointer(rebasing: flat[parameter.range])
        if trained[parameter.offset] != nil, let gradient = gradients.next() {
          gradient.value.withScalars { _ = target.initialize(from: $0) }
        } else {
          target.initialize(repeating: 0)
        }
      }
    }
  }

  /// The batch statistics of this pass, flat: `[layout.statisticCount]`; the running ones where
  /// none were left or they are frozen.
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
