// scf.while: doubles until the host counter passes the limit.
// input: i64=10
// input: 2xf32=1,3
// expect: 2xf32=16,48
func.func @main(%limit: tensor<i64> {halcyon.name = "limit"}, %x: tensor<2xf32> {halcyon.name = "x"})
    -> (tensor<2xf32> {halcyon.name = "y"}) {
  %one = arith.constant 1 : i64
  %end = tensor.extract %limit[] : tensor<i64>
  %last:2 = scf.while (%n = %one, %state = %x) : (i64, tensor<2xf32>) -> (i64, tensor<2xf32>) {
    %more = arith.cmpi slt, %n, %end : i64
    scf.condition(%more) %n, %state : i64, tensor<2xf32>
  } do {
  ^bb0(%n: i64, %state: tensor<2xf32>):
    %empty = tensor.empty() : tensor<2xf32>
    %twice = linalg.add ins(%state, %state : tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
    %next = arith.addi %n, %n : i64
    scf.yield %next, %twice : i64, tensor<2xf32>
  }
  return %last#1 : tensor<2xf32>
}
