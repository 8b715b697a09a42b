// Every element type is loaded, copied and handed back.
// function: f32
// input: 3xf32=1,-2,3.5
// expect: 3xf32=1,-2,3.5
// case:
// function: f64
// input: 3xf64=1,-2,3.5
// expect: 3xf64=1,-2,3.5
// case:
// function: f16
// input: 3xf16=1,-2,3.5
// expect: 3xf16=1,-2,3.5
// case:
// function: bf16
// input: 3xbf16=1,-2,3.5
// expect: 3xbf16=1,-2,3.5
// case:
// function: i1
// input: 3xi1=1,0,1
// expect: 3xi1=1,0,1
// case:
// function: i8
// input: 3xi8=1,-2,127
// expect: 3xi8=1,-2,127
// case:
// function: i16
// input: 3xi16=1,-2,32767
// expect: 3xi16=1,-2,32767
// case:
// function: i32
// input: 3xi32=1,-2,2147483647
// expect: 3xi32=1,-2,2147483647
// case:
// function: i64
// input: 3xi64=1,-2,9223372036854775807
// expect: 3xi64=1,-2,9223372036854775807
// case:
// function: u8
// input: 3xu8=1,2,255
// expect: 3xu8=1,2,255
// case:
// function: i4
// input: 3xi4=1,-2,7
// expect: 3xi4=1,-2,7
// case:
// function: f8e4m3fn
// input: 3xf8e4m3fn=1,-2,3.5
// expect: 3xf8e4m3fn=1,-2,3.5
// case:
// function: f8e5m2
// input: 3xf8e5m2=1,-2,3.5
// expect: 3xf8e5m2=1,-2,3.5
func.func @f32(%x: tensor<3xf32>) -> tensor<3xf32> { return %x : tensor<3xf32> }
func.func @f64(%x: tensor<3xf64>) -> tensor<3xf64> { return %x : tensor<3xf64> }
func.func @f16(%x: tensor<3xf16>) -> tensor<3xf16> { return %x : tensor<3xf16> }
func.func @bf16(%x: tensor<3xbf16>) -> tensor<3xbf16> { return %x : tensor<3xbf16> }
func.func @i1(%x: tensor<3xi1>) -> tensor<3xi1> { return %x : tensor<3xi1> }
func.func @i8(%x: tensor<3xi8>) -> tensor<3xi8> { return %x : tensor<3xi8> }
func.func @i16(%x: tensor<3xi16>) -> tensor<3xi16> { return %x : tensor<3xi16> }
func.func @i32(%x: tensor<3xi32>) -> tensor<3xi32> { return %x : tensor<3xi32> }
func.func @i64(%x: tensor<3xi64>) -> tensor<3xi64> { return %x : tensor<3xi64> }
func.func @u8(%x: tensor<3xi8> {halcyon.type = "u8"}) -> (tensor<3xi8> {halcyon.type = "u8"}) { return %x : tensor<3xi8> }
func.func @i4(%x: tensor<3xi4>) -> tensor<3xi4> { return %x : tensor<3xi4> }
func.func @f8e4m3fn(%x: tensor<3xf8E4M3FN>) -> tensor<3xf8E4M3FN> { return %x : tensor<3xf8E4M3FN> }
func.func @f8e5m2(%x: tensor<3xf8E5M2>) -> tensor<3xf8E5M2> { return %x : tensor<3xf8E5M2> }
