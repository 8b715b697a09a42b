// codegen/cpu/RuntimeIr.h -- what a kernel may call, as LLVM IR for any 64-bit target.
//
// memcpy, memset and memmove are what LLVM's code generator calls for its intrinsics; byte loops, since kernels copy
// with loops of their own. hcy_fmod is the exact remainder, by shift and subtract on the significands.
#pragma once
#include "llvm/ADT/StringRef.h"

namespace halcyon {

inline constexpr llvm::StringLiteral runtimeIr = R"(

define hidden ptr @memcpy(ptr %d, ptr %s, i64 %n) {
entry:
  %tobool.not3 = icmp eq i64 %n, 0
  br i1 %tobool.not3, label %while.end, label %while.body

while.body:
  %b.06 = phi ptr [ %incdec.ptr, %while.body ], [ %s, %entry ]
  %a.05 = phi ptr [ %incdec.ptr1, %while.body ], [ %d, %entry ]
  %n.addr.04 = phi i64 [ %dec, %while.body ], [ %n, %entry ]
  %dec = add i64 %n.addr.04, -1
  %incdec.ptr = getelementptr inbounds i8, ptr %b.06, i64 1
  %0 = load i8, ptr %b.06, align 1
  %incdec.ptr1 = getelementptr inbounds i8, ptr %a.05, i64 1
  store i8 %0, ptr %a.05, align 1
  %tobool.not = icmp eq i64 %dec, 0
  br i1 %tobool.not, label %while.end, label %while.body

while.end:
  ret ptr %d
}

define hidden ptr @memset(ptr %d, i32 %c, i64 %n) {
entry:
  %tobool.not2 = icmp eq i64 %n, 0
  br i1 %tobool.not2, label %while.end, label %while.body.lr.ph

while.body.lr.ph:
  %conv = trunc i32 %c to i8
  br label %while.body

while.body:
  %a.04 = phi ptr [ %d, %while.body.lr.ph ], [ %incdec.ptr, %while.body ]
  %n.addr.03 = phi i64 [ %n, %while.body.lr.ph ], [ %dec, %while.body ]
  %dec = add i64 %n.addr.03, -1
  %incdec.ptr = getelementptr inbounds i8, ptr %a.04, i64 1
  store i8 %conv, ptr %a.04, align 1
  %tobool.not = icmp eq i64 %dec, 0
  br i1 %tobool.not, label %while.end, label %while.body

while.end:
  ret ptr %d
}

define hidden ptr @memmove(ptr %d, ptr %s, i64 %n) {
entry:
  %cmp = icmp ult ptr %d, %s
  %tobool.not19 = icmp eq i64 %n, 0
  br i1 %cmp, label %while.cond.preheader, label %while.cond2.preheader

while.cond2.preheader:
  br i1 %tobool.not19, label %if.end, label %while.body5

while.cond.preheader:
  br i1 %tobool.not19, label %if.end, label %while.body

while.body:
  %b.022 = phi ptr [ %incdec.ptr, %while.body ], [ %s, %while.cond.preheader ]
  %a.021 = phi ptr [ %incdec.ptr1, %while.body ], [ %d, %while.cond.preheader ]
  %n.addr.020 = phi i64 [ %dec, %while.body ], [ %n, %while.cond.preheader ]
  %dec = add i64 %n.addr.020, -1
  %incdec.ptr = getelementptr inbounds i8, ptr %b.022, i64 1
  %0 = load i8, ptr %b.022, align 1
  %incdec.ptr1 = getelementptr inbounds i8, ptr %a.021, i64 1
  store i8 %0, ptr %a.021, align 1
  %tobool.not = icmp eq i64 %dec, 0
  br i1 %tobool.not, label %if.end, label %while.body

while.body5:
  %n.addr.118 = phi i64 [ %dec3, %while.body5 ], [ %n, %while.cond2.preheader ]
  %dec3 = add i64 %n.addr.118, -1
  %arrayidx = getelementptr inbounds i8, ptr %s, i64 %dec3
  %1 = load i8, ptr %arrayidx, align 1
  %arrayidx6 = getelementptr inbounds i8, ptr %d, i64 %dec3
  store i8 %1, ptr %arrayidx6, align 1
  %tobool4.not = icmp eq i64 %dec3, 0
  br i1 %tobool4.not, label %if.end, label %while.body5

if.end:
  ret ptr %d
}

define hidden double @hcy_fmod(double %x, double %y) {
entry:
  %0 = bitcast double %x to i64
  %1 = tail call double @llvm.fabs.f64(double %x)
  %and = bitcast double %1 to i64
  %2 = tail call double @llvm.fabs.f64(double %y)
  %and1 = bitcast double %2 to i64
  %xor = xor i64 %and, %0
  %3 = add nsw i64 %and1, -9218868437227405313
  %or.cond = icmp ult i64 %3, -9218868437227405312
  %cmp4 = icmp ugt i64 %and, 9218868437227405311
  %or.cond71 = or i1 %cmp4, %or.cond
  br i1 %or.cond71, label %cleanup66, label %if.end

if.end:
  %cmp5 = icmp ult i64 %and, %and1
  br i1 %cmp5, label %cleanup66, label %if.end7

if.end7:
  %shr8 = lshr i64 %and1, 52
  %conv9 = trunc nuw nsw i64 %shr8 to i32
  %and10 = and i64 %and, 4503599627370495
  %and11 = and i64 %and1, 4503599627370495
  %tobool.not = icmp ult i64 %and, 4503599627370496
  br i1 %tobool.not, label %while.body, label %if.then12

if.then12:
  %shr = lshr i64 %and, 52
  %conv = trunc nuw nsw i64 %shr to i32
  %or = or disjoint i64 %and10, 4503599627370496
  br label %if.end15

while.body:
  %ex.0112 = phi i32 [ %dec, %while.body ], [ 1, %if.end7 ]
  %mx.0111 = phi i64 [ %shl, %while.body ], [ %and10, %if.end7 ]
  %shl = shl nuw nsw i64 %mx.0111, 1
  %dec = add nsw i32 %ex.0112, -1
  %tobool14.not = icmp ult i64 %mx.0111, 2251799813685248
  br i1 %tobool14.not, label %while.body, label %if.end15

if.end15:
  %mx.1 = phi i64 [ %or, %if.then12 ], [ %shl, %while.body ]
  %ex.1 = phi i32 [ %conv, %if.then12 ], [ %dec, %while.body ]
  %tobool16.not = icmp ult i64 %and1, 4503599627370496
  br i1 %tobool16.not, label %while.body24, label %if.then17

if.then17:
  %or18 = or disjoint i64 %and11, 4503599627370496
  br label %if.end28

while.body24:
  %my.0114 = phi i64 [ %shl25, %while.body24 ], [ %and11, %if.end15 ]
  %ey.0113 = phi i32 [ %dec26, %while.body24 ], [ 1, %if.end15 ]
  %shl25 = shl nuw nsw i64 %my.0114, 1
  %dec26 = add nsw i32 %ey.0113, -1
  %tobool22.not = icmp ult i64 %my.0114, 2251799813685248
  br i1 %tobool22.not, label %while.body24, label %if.end28

if.end28:
  %ey.1 = phi i32 [ %conv9, %if.then17 ], [ %dec26, %while.body24 ]
  %my.1 = phi i64 [ %or18, %if.then17 ], [ %shl25, %while.body24 ]
  %cmp29115 = icmp sgt i32 %ex.1, %ey.1
  br i1 %cmp29115, label %for.body, label %for.end

for.body:
  %ex.2117 = phi i32 [ %dec36, %for.body ], [ %ex.1, %if.end28 ]
  %mx.2116 = phi i64 [ %shl35, %for.body ], [ %mx.1, %if.end28 ]
  %cmp31.not = icmp ult i64 %mx.2116, %my.1
  %sub = select i1 %cmp31.not, i64 0, i64 %my.1
  %spec.select = sub i64 %mx.2116, %sub
  %shl35 = shl i64 %spec.select, 1
  %dec36 = add nsw i32 %ex.2117, -1
  %cmp29 = icmp sgt i32 %dec36, %ey.1
  br i1 %cmp29, label %for.body, label %for.end

for.end:
  %mx.2.lcssa = phi i64 [ %mx.1, %if.end28 ], [ %shl35, %for.body ]
  %cmp37.not = icmp ult i64 %mx.2.lcssa, %my.1
  %sub40 = select i1 %cmp37.not, i64 0, i64 %my.1
  %spec.select110 = sub i64 %mx.2.lcssa, %sub40
  %cmp42 = icmp eq i64 %spec.select110, 0
  br i1 %cmp42, label %cleanup, label %while.cond46.preheader

while.cond46.preheader:
  %tobool48.not118 = icmp ult i64 %spec.select110, 4503599627370496
  br i1 %tobool48.not118, label %while.body50, label %while.end53

while.body50:
  %mx.5120 = phi i64 [ %shl51, %while.body50 ], [ %spec.select110, %while.cond46.preheader ]
  %ey.2119 = phi i32 [ %dec52, %while.body50 ], [ %ey.1, %while.cond46.preheader ]
  %shl51 = shl nuw nsw i64 %mx.5120, 1
  %dec52 = add nsw i32 %ey.2119, -1
  %tobool48.not = icmp ult i64 %mx.5120, 2251799813685248
  br i1 %tobool48.not, label %while.body50, label %while.end53

while.end53:
  %ey.2.lcssa = phi i32 [ %ey.1, %while.cond46.preheader ], [ %dec52, %while.body50 ]
  %mx.5.lcssa = phi i64 [ %spec.select110, %while.cond46.preheader ], [ %shl51, %while.body50 ]
  %cmp54 = icmp sgt i32 %ey.2.lcssa, 0
  br i1 %cmp54, label %cond.true, label %cond.false

cond.true:
  %and56 = and i64 %mx.5.lcssa, 4503599627370495
  %conv57 = zext nneg i32 %ey.2.lcssa to i64
  %shl58 = shl i64 %conv57, 52
  %or59 = or disjoint i64 %and56, %shl58
  br label %cond.end

cond.false:
  %sub60 = sub nsw i32 1, %ey.2.lcssa
  %sh_prom = zext nneg i32 %sub60 to i64
  %shr61 = lshr i64 %mx.5.lcssa, %sh_prom
  br label %cond.end

cond.end:
  %cond = phi i64 [ %or59, %cond.true ], [ %shr61, %cond.false ]
  %or62 = or i64 %cond, %xor
  br label %cleanup

cleanup:
  %retval.0.in = phi i64 [ %or62, %cond.end ], [ %xor, %for.end ]
  %retval.0 = bitcast i64 %retval.0.in to double
  br label %cleanup66

cleanup66:
  %retval.1 = phi double [ %retval.0, %cleanup ], [ 0x7FF8000000000000, %entry ], [ %x, %if.end ]
  ret double %retval.1
}

declare double @llvm.fabs.f64(double)

)";

} // namespace halcyon
