// skiff: static-graph deep learning with PaddlePaddle's files. The one header to include.
#pragma once

// What a program is: errors, tensors, variables, operators.
#include "framework/base/dtype.h"
#include "framework/base/error.h"
#include "framework/base/place.h"
#include "framework/base/shape.h"
#include "framework/op/append_op.h"
#include "framework/op/backward.h"
#include "framework/op/op_library.h"
#include "framework/op/verify.h"
#include "framework/program/program.h"
#include "framework/program/unique_name.h"
#include "framework/tensor/scope.h"
#include "framework/tensor/tensor.h"
// How one is built, trained and fed.
#include "framework/data/data_loader.h"
#include "framework/layers/amp.h"
#include "framework/layers/apply.h"
#include "framework/layers/averaging.h"
#include "framework/layers/control_flow.h"
#include "framework/layers/detection.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/layers/linalg.h"
#include "framework/layers/lr_scheduler.h"
#include "framework/layers/optimizer.h"
#include "framework/layers/static_rnn.h"
#include "framework/layers/vision.h"
// How it runs.
#include "executor/executor.h"
#include "executor/predictor.h"
// How it is kept.
#include "io/idx.h"
#include "io/inference_model.h"
#include "io/npy.h"
#include "io/program_file.h"
#include "io/state_dict.h"
