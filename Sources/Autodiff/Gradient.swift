// The backward pass: one loop over the tape, last record first.

import Tensors

/// The derivative of the sum of `output`'s elements with respect to each input: tensors of the
/// inputs' shapes, zero where the output does not depend on an input.
///
/// With `recording`, the derivatives are recorded on the tape and can be differentiated again;
/// without, nothing is recorded. Traps if an input is a constant: nobody knows what came of it.
public func gradient(
  of output: Variable, withRespectTo inputs: [Variable], recording: Bool = false
) -> [Variable] {
  let ones = output.tape.constant(Tensor(repeating: 1, shape: output.shape))
  return vectorJacobianProduct(
    of: output, upstream: ones, withRespectTo: inputs,
    use: recording ? .recorded : .kept)
}

/// The last derivative that is taken on a tape: as `gradient`, but every record is let go as soon
/// as the walk is past it, so that its values make room for gradients.
///
/// Nothing can be recorded on the tape or differentiated afterwards.
public func finalGradient(
  of output: Variable, withRespectTo inputs: [Variable]
) -> [Variable] {
  let ones = output.tape.constant(Tensor(repeating: 1, shape: output.shape))
  return vectorJacobianProduct(
    of: output, upstream: ones, withRespectTo: inputs, use: .consumed)
}

extension Variable {
  /// One step of an inner loop, which takes gradients with respect to where it is.
  ///
  ///     set = set.innerStep(recording: pass.isTraining) { set in
  ///       let slopes = gradient(
  ///         of: energy(set), withRespectTo: [set], recording: pass.isTraining)
  ///       return set - rate * slopes[0]
  ///     }
  ///
  /// With `recording` the result has the whole history, so that an outer loss can be differentiated
  /// through the loop. Without it the result is a constant, and what the step recorded is let go
  /// of: a hundred steps take the memory of one.
  public func innerStep(recording: Bool, _ step: (Variable) -> Variable) -> Variable {
    if recording { return step(isConstant ? tape.variable(value) : self) }
    return step(tape.variable(value)).detached
  }
}

/// What a walk does with the tape.
enum TapeUse {
  /// It records the derivatives.
  case recorded
  /// It leaves the tape as it is.
  case kept
  /// It lets go of the records that it is past.
  case consumed
}

/// The derivative of the sum of `output · upstream` with respect to each input.
func vectorJacobianProduct(
  of output: Variable, upstream: Variable, withRespectTo inputs: [Variable], use: TapeUse
) -> [Variable] {
  let tape = output.tape
  let recording = use == .recorded
  require(!tape.isConsumed, "gradient: the tape's final gradient was taken before")
  require(inputs.allSatisfy { $0.tape === tape }, "gradient: inputs of another tape")
  if let constant = inputs.first(where: \.isConstant) {
    // Also in optimised programs with its message: the gradient would be zero without a word.
    fatalError(
      """
      the gradient of \(output) with respect to \(constant): nothing is recorded of what is \
      computed from a constant; take a variable, or Variable.innerStep within an evaluation
      """)
  }
  let wanted = inputs.compactMap(\.index)
  // Nothing below the first input depends on an input, so the walk ends there.
  guard let last = output.index, let first = wanted.min(), first <= last else {
    return inputs.map { tape.constant(.zeros($0.shape)) }
  }
  var leadsToInput = [Bool](repeating: false, count: last - first + 1)
  var isInput = leadsToInput
  for index in wanted where index <= last { isInput[index - first] = true }
  for index in first...last {
    leadsToInput[index - first] =
      isInput[index - first]
      || tape.records[index].operands.contains {
        $0.index.map { $0 >= first && leadsToInput[$0 - first] } ?? false
      }
  }
  var gradients = [Variable?](repeating: nil, count: last - first + 1)
  gradients[last - first] = recording ? upstream : upstream.detached
  if use == .consumed { tape.consume(from: last + 1) }
  for index in (first...last).reversed() {
    let record = tape.records[index]
    if use == .consumed { tape.consume(from: index) }
    guard leadsToInput[index - first], let gradient = gradients[index - first] else { continue }
    if !isInput[index - first] { gradients[index - first] = nil }
    let needs = record.operands.map { operand in
      operand.index.map { $0 >= first && leadsToInput[$0 - first] } ?? false
    }
    guard needs.contains(true) else { continue }
    let pullback = Pullback(
      tape: tape, record: record, index: index, gradient: gradient, needs: needs,
      isRecording: recording)
    let parts =
      tape.profile?.measureBackward(record, needs: needs, pullback.operandGradients)
      ?? pullback.operandGradients()
    for (operand, part) in zip(record.operands, parts) {
      guard let part, let target = operand.index, target >= first else { continue }
      add(part, to: &gradients[target - first], recording: recording)
    }
  }
  return inputs.map { input in
    guard let index = input.index, index <= last, let gradient = gradients[index - first] else {
      return tape.constant(.zeros(input.shape))
    }
    return gradient
  }
}

/// Adds to a gradient; without recording in place, where nobody else holds it.
private func add(_ part: Variable, to sum: inout Variable?, recording: Bool) {
  guard var total = sum else {
    sum = part
    return
  }
  sum = nil
  if recording {
    sum = total + part
  } else {
    Kernels.accumulate(part.value, into: &total.value)
    sum = total
  }
}
