// A tensor, its derivative, and the derivative of that.

import Autodiff
import Tensors

let tape = Tape(context: try ComputeContext())
let x = tape.variable(Tensor([1, 2, 3]))
let y = (x * x * x).sum()

let first = gradient(of: y, withRespectTo: [x], recording: true)[0]
let second = gradient(of: first.sum(), withRespectTo: [x])[0]

print("x    ", x.value)
print("x³ ' ", first.value)
print("x³ ''", second.value)
