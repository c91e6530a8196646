// framework/layers: the builders behind skiff.static.nn, and LayerHelper, over which the Python layers
// are written: one implementation of names and of program building.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/layers/static_rnn.h"
#include "framework/program/unique_name.h"
#include "python_api/bindings/attribute.h"
#include "python_api/bindings/layers.h"

namespace skiff::python {

namespace {

using layers::Padding;
using layers::Pair;

Origin Here() { return Origin(UserOrigin("").substr(4)); }  // " at file.py:12" without " at "

Var ToVar(py::handle v, const char* what) {
  SKIFF_ENFORCE(py::isinstance<Variable>(v), InvalidType, what, " must be a Variable, ",
                py::repr(py::type::of(v)).cast<std::string>(), " was given");
  return Var(v.cast<std::shared_ptr<Variable>>());
}

std::string TextOrNone(py::handle text) { return text.is_none() ? "" : text.cast<std::string>(); }

Pair ToPair(py::handle given, const char* what) {
  if (py::isinstance<py::int_>(given)) return given.cast<int>();
  const auto values = given.cast<std::vector<int>>();
  SKIFF_ENFORCE(values.size() == 1 || values.size() == 2, InvalidArgument, what, " must be a number or two");
  return {values.front(), values.back()};
}

// 1, [1, 2], [top, bottom, left, right], [[0, 0], [0, 0], [t, b], [l, r]] (NHWC: in the middle), "SAME".
Padding ToPadding(py::handle given, const std::string& format) {
  if (py::isinstance<py::str>(given)) {
    auto name = given.cast<std::string>();
    for (char& c : name) c = static_cast<char>(std::toupper(c));
    SKIFF_ENFORCE(name == "SAME" || name == "VALID", InvalidArgument, "Unknown padding: '", name,
                  "'. It can only be 'SAME' or 'VALID'.");
    return name.c_str();
  }
  if (py::isinstance<py::int_>(given)) return given.cast<int>();
  const auto list = given.cast<std::vector<py::object>>();
  if (list.size() == 4 && py::isinstance<py::sequence>(list[0])) {
    const bool last = format == "NHWC";
    const auto h = list[last ? 1 : 2].cast<std::vector<int>>(), w = list[last ? 2 : 3].cast<std::vector<int>>();
    return {h.at(0), h.at(1), w.at(0), w.at(1)};
  }
  const auto values = given.cast<std::vector<int>>();
  if (values.size() == 1) return values[0];
  if (values.size() == 2) return {values[0], values[1]};
  SKIFF_ENFORCE(values.size() == 4, InvalidArgument, "padding must hold 1, 2 or 4 numbers, or 4 pairs");
  return {values[0], values[1], values[2], values[3]};
}

py::object From(const Var& var) { return FromVariable(var); }

// ---- inputs, parameters, layers with parameters

py::object Data(const std::string& name, py::handle shape, py::handle dtype, int lod_level) {
  const DType type = dtype.is_none() ? DType::kFloat32 : ToDType(dtype);
  return From(layers::Data(name, ToShape(shape), type, lod_level, Here()));
}

py::object CreateParameter(py::handle shape, py::handle dtype, py::handle name, py::handle attr, bool is_bias,
                           py::handle initializer) {
  layers::ParameterSpec spec;
  spec.attr = ToParamAttr(attr).value_or(ParamAttr{});
  if (!name.is_none()) spec.name = name.cast<std::string>();
  spec.is_bias = is_bias;
  spec.initializer = ToInitializer(initializer);
  return From(layers::CreateParameter(ToShape(shape), ToDType(dtype), spec, Here()));
}

py::object FC(py::handle x, int64_t size, int num_flatten_dims, py::handle weight_attr, py::handle bias_attr,
              py::handle activation, py::handle name) {
  layers::FCOptions options;
  options.num_flatten_dims = num_flatten_dims;
  options.activation = TextOrNone(activation);
  options.weight_attr = ToParamAttr(weight_attr).value_or(ParamAttr{});
  options.bias_attr = ToParamAttr(bias_attr);
  options.name = TextOrNone(name);
  std::vector<Var> inputs;
  if (py::isinstance<Variable>(x)) {
    inputs.push_back(ToVar(x, "x"));
  } else {
    for (py::handle one : x) inputs.push_back(ToVar(one, "x"));
  }
  return From(layers::FC(inputs, size, options, Here()));
}

py::object Conv2D(py::handle x, int filters, py::handle kernel, py::handle stride, py::handle padding,
                  py::handle dilation, py::handle groups, py::handle weight_attr, py::handle bias_attr,
                  py::handle activation, py::handle name, const std::string& format) {
  layers::Conv2DOptions options;
  options.stride = ToPair(stride, "stride");
  options.padding = ToPadding(padding, format);
  options.dilation = ToPair(dilation, "dilation");
  if (!groups.is_none()) options.groups = groups.cast<int>();
  options.activation = TextOrNone(activation);
  options.weight_attr = ToParamAttr(weight_attr).value_or(ParamAttr{});
  options.bias_attr = ToParamAttr(bias_attr);
  options.name = TextOrNone(name);
  options.data_format = format;
  return From(layers::Conv2D(ToVar(x, "input"), filters, ToPair(kernel, "filter_size"), options, Here()));
}

py::object Conv2DTranspose(py::handle x, int filters, py::handle output_size, py::handle kernel, py::handle padding,
                           py::handle stride, py::handle dilation, py::handle groups, py::handle weight_attr,
                           py::handle bias_attr, py::handle activation, py::handle name, const std::string& format) {
  layers::Conv2DTransposeOptions options;
  if (!kernel.is_none()) options.kernel = ToPair(kernel, "filter_size");
  if (!output_size.is_none()) options.output_size = ToPair(output_size, "output_size");
  options.stride = ToPair(stride, "stride");
  options.padding = ToPadding(padding, format);
  options.dilation = ToPair(dilation, "dilation");
  if (!groups.is_none()) options.groups = groups.cast<int>();
  options.activation = TextOrNone(activation);
  options.weight_attr = ToParamAttr(weight_attr).value_or(ParamAttr{});
  options.bias_attr = ToParamAttr(bias_attr);
  options.name = TextOrNone(name);
  options.data_format = format;
  return From(layers::Conv2DTranspose(ToVar(x, "input"), filters, options, Here()));
}

py::object BatchNorm(py::handle x, py::handle activation, bool is_test, float momentum, float epsilon,
                     py::handle scale_attr, py::handle bias_attr, const std::string& layout, py::handle name,
                     py::handle mean_name, py::handle variance_name, bool use_global_stats) {
  layers::BatchNormOptions options;
  options.activation = TextOrNone(activation);
  options.is_test = is_test;
  options.momentum = momentum;
  options.epsilon = epsilon;
  options.scale_attr = ToParamAttr(scale_attr).value_or(ParamAttr{});
  options.bias_attr = ToParamAttr(bias_attr).value_or(ParamAttr{});
  options.data_layout = layout;
  options.name = TextOrNone(name);
  options.moving_mean_name = TextOrNone(mean_name);
  options.moving_variance_name = TextOrNone(variance_name);
  options.use_global_stats = use_global_stats;
  return From(layers::BatchNorm(ToVar(x, "input"), options, Here()));
}

py::object LayerNorm(py::handle x, bool scale, bool shift, int begin_norm_axis, float epsilon, py::handle scale_attr,
                     py::handle bias_attr, py::handle activation, py::handle name) {
  layers::LayerNormOptions options;
  options.scale = scale;
  options.shift = shift;
  options.begin_norm_axis = begin_norm_axis;
  options.epsilon = epsilon;
  options.scale_attr = ToParamAttr(scale_attr).value_or(ParamAttr{});
  options.bias_attr = ToParamAttr(bias_attr).value_or(ParamAttr{});
  options.activation = TextOrNone(activation);
  options.name = TextOrNone(name);
  return From(layers::LayerNorm(ToVar(x, "input"), options, Here()));
}

py::object Embedding(py::handle ids, py::handle size, bool is_sparse, py::handle padding_idx, py::handle weight_attr,
                     py::handle dtype) {
  const Shape table = ToShape(size);
  SKIFF_ENFORCE(table.rank() == 2, InvalidArgument, "size must be [rows, width], ", table, " was given");
  layers::EmbeddingOptions options;
  options.is_sparse = is_sparse;
  if (!padding_idx.is_none()) options.padding_idx = padding_idx.cast<int64_t>();
  options.weight_attr = ToParamAttr(weight_attr).value_or(ParamAttr{});
  options.dtype = ToDType(dtype);
  return From(layers::Embedding(ToVar(ids, "input"), table[0], table[1], options, Here()));
}

// ---- any layer without parameters

DType FirstDType(const Slots& inputs, const Block& block) {
  for (const std::string& name : inputs.AllNames()) {
    if (const auto v = block.FindVar(name)) return v->dtype;
  }
  return DType::kUndefined;
}

// One operator with outputs of its own. `outputs`: a slot, a tuple of slots, or {slot: count}; what
// comes back has the same form. `own_name`: the output is called as the layer itself.
py::object Layer(const std::string& type, py::handle inputs, py::handle outputs, py::handle attrs, py::handle layer,
                 py::handle name, py::handle dtype, const std::vector<std::string>& stopped, bool own_name) {
  Operator op = ToOperator(type, inputs, py::none(), attrs);
  const LayerHelper helper(layer.is_none() ? type : layer.cast<std::string>(), TextOrNone(name), op.origin);
  Block& block = helper.block();
  const DType kind = dtype.is_none() ? FirstDType(op.inputs, block) : ToDType(dtype);
  std::vector<std::string> made;
  const auto make = [&](const std::string& slot) {
    const bool stop = std::find(stopped.begin(), stopped.end(), slot) != stopped.end();
    const Var var = own_name ? helper.CreateVariable(helper.name(), kind, stop) : helper.CreateTemporary(kind, stop);
    made.push_back(var.name());
    return var;
  };
  py::object result;
  if (py::isinstance<py::str>(outputs)) {
    const auto slot = outputs.cast<std::string>();
    const Var var = make(slot);
    op.outputs.Set(slot, {var.name()});
    result = From(var);
  } else if (py::isinstance<py::dict>(outputs)) {
    py::list list;
    for (const auto& [slot, count] : py::reinterpret_borrow<py::dict>(outputs)) {
      std::vector<std::string> names;
      for (int i = 0; i < count.cast<int>(); ++i) {
        const Var var = make(slot.cast<std::string>());
        names.push_back(var.name());
        list.append(From(var));
      }
      op.outputs.Set(slot.cast<std::string>(), names);
    }
    result = list;
  } else {
    py::list list;
    for (py::handle slot : outputs) {
      const Var var = make(slot.cast<std::string>());
      op.outputs.Set(slot.cast<std::string>(), {var.name()});
      list.append(From(var));
    }
    result = py::tuple(list);
  }
  try {
    helper.AppendOp(std::move(op));
  } catch (...) {
    for (const std::string& variable : made) block.RemoveVar(variable);
    throw;
  }
  return result;
}

void BindInitializers(py::module_& m) {
  py::class_<PyInitializer>(m, "Initializer");
  const auto fans = [](py::handle in, py::handle out, int seed) {
    initializer::Fans given{.seed = seed};
    if (!in.is_none()) given.in = in.cast<double>();
    if (!out.is_none()) given.out = out.cast<double>();
    return given;
  };
  m.def("init_constant", [](double value) { return PyInitializer{initializer::Constant(value)}; });
  m.def("init_uniform", [](double low, double high, int seed) {
    return PyInitializer{initializer::Uniform(low, high, seed)};
  });
  m.def("init_normal", [](double mean, double std, int seed) {
    return PyInitializer{initializer::Normal(mean, std, seed)};
  });
  m.def("init_truncated_normal", [](double mean, double std, int seed) {
    return PyInitializer{initializer::TruncatedNormal(mean, std, seed)};
  });
  m.def("init_xavier", [fans](bool uniform, py::object in, py::object out, int seed) {
    return PyInitializer{uniform ? initializer::XavierUniform(fans(in, out, seed))
                                 : initializer::XavierNormal(fans(in, out, seed))};
  });
  m.def("init_kaiming", [fans](bool uniform, py::object in, double slope, int seed) {
    return PyInitializer{uniform ? initializer::KaimingUniform(fans(in, py::none(), seed), slope)
                                 : initializer::KaimingNormal(fans(in, py::none(), seed), slope)};
  });
  m.def("init_assign", [](py::object value) {
    return PyInitializer{initializer::Assign(ToTensor(value).Clone())};
  });
  m.def("init_python", [](py::function fill) {
    return PyInitializer{[fill = std::move(fill)](Block& block, const Variable& v) {
      fill(FromVariable(block.FindVar(v.name)), FromBlock(block));
    }};
  });
  m.def("set_global_initializer", [](py::object weight, py::object bias) {
    initializer::SetGlobal(ToInitializer(weight), ToInitializer(bias));
  });
  m.def("init_apply", [](const PyInitializer& init, Block& block, const Variable& v) { init.fill(block, v); });
}

void BindHelper(py::module_& m) {
  py::class_<LayerHelper>(m, "LayerHelper")
      .def(py::init([](const std::string& type, py::object name) {
             return LayerHelper(type, TextOrNone(name), UserOrigin(type));
           }), py::arg("layer_type"), py::arg("name") = py::none())
      .def_property_readonly("name", &LayerHelper::name)
      .def("create_temporary", [](const LayerHelper& h, py::object dtype, bool stop_gradient) {
        return From(h.CreateTemporary(ToDType(dtype), stop_gradient));
      }, py::arg("dtype"), py::arg("stop_gradient") = false)
      .def("create_parameter", [](const LayerHelper& h, py::object attr, py::object shape, py::object dtype,
                                  bool is_bias, py::object initializer) -> py::object {
        const std::optional<ParamAttr> given = ToParamAttr(attr);
        if (!given) return py::none();
        return From(h.CreateParameter(*given, ToShape(shape), ToDType(dtype), is_bias, ToInitializer(initializer)));
      }, py::arg("attr"), py::arg("shape"), py::arg("dtype"), py::arg("is_bias") = false,
         py::arg("default_initializer") = py::none())
      .def("create_global", [](const LayerHelper& h, const std::string& name, py::object shape, py::object dtype,
                               double value) {
        return From(h.CreateGlobal(name, ToShape(shape), ToDType(dtype), value));
      })
      .def("add_bias", [](const LayerHelper& h, py::object x, py::object attr, int first, int last) {
        return From(h.AddBias(ToVar(x, "x"), ToParamAttr(attr), first, last));
      })
      .def("activate", [](const LayerHelper& h, py::object x, py::object act) {
        return From(h.Activate(ToVar(x, "x"), TextOrNone(act)));
      });
}

void BindStaticRNN(py::module_& m) {
  using layers::StaticRNN;
  py::class_<StaticRNN>(m, "StaticRNN")
      .def(py::init([](py::object name, bool reverse) {
        return std::make_unique<StaticRNN>(layers::StaticRNNOptions{.name = TextOrNone(name), .reverse = reverse}, Here());
      }))
      .def("begin", &StaticRNN::Begin)
      .def("complete", &StaticRNN::Complete)
      .def("abandon", &StaticRNN::Abandon)
      .def("step_input", [](StaticRNN& r, py::object x) { return From(r.StepInput(ToVar(x, "x"))); })
      .def("memory", [](StaticRNN& r, py::object initial) { return From(r.Memory(ToVar(initial, "init"))); })
      .def("memory_like", [](StaticRNN& r, py::object shape, py::object like, double value, int batch_axis, int reference_axis) {
        return From(r.Memory(ToShape(shape), ToVar(like, "batch_ref"), {value, batch_axis, reference_axis}));
      })
      .def("update_memory", [](StaticRNN& r, py::object memory, py::object next) {
        r.UpdateMemory(ToVar(memory, "mem"), ToVar(next, "var"));
      })
      .def("step_output", [](StaticRNN& r, py::object out) { r.StepOutput(ToVar(out, "o")); })
      .def("outputs", [](const StaticRNN& r) {
        py::list list;
        for (const Var& out : r.Outputs()) list.append(From(out));
        return list;
      });
}

}  // namespace

Initializer ToInitializer(py::handle given) {
  if (given.is_none()) return {};
  if (py::isinstance<PyInitializer>(given)) return given.cast<PyInitializer&>().fill;
  if (py::hasattr(given, "_fill")) {
    const py::object fill = given.attr("_fill");
    if (py::isinstance<PyInitializer>(fill)) return fill.cast<PyInitializer&>().fill;
  }
  throw InvalidType(StrCat("an initializer is wanted (skiff.nn.initializer), ",
                           py::repr(given).cast<std::string>(), " was given"));
}

std::optional<ParamAttr> ToParamAttr(py::handle given) {
  ParamAttr attr;
  if (given.is_none()) return attr;
  if (py::isinstance<py::bool_>(given)) return given.cast<bool>() ? std::optional(attr) : std::nullopt;
  if (py::isinstance<py::str>(given)) {
    attr.name = given.cast<std::string>();
    return attr;
  }
  if (py::hasattr(given, "_fill")) {
    attr.initializer = ToInitializer(given);
    return attr;
  }
  if (py::hasattr(given, "_regularizer_kind")) {
    attr.regularizer = ToRegularizer(given);
    return attr;
  }
  SKIFF_ENFORCE(py::hasattr(given, "initializer"), InvalidType, "a ParamAttr, a name, an initializer or False is wanted, ",
                py::repr(given).cast<std::string>(), " was given");
  attr.name = TextOrNone(given.attr("name"));
  attr.initializer = ToInitializer(given.attr("initializer"));
  attr.learning_rate = given.attr("learning_rate").cast<float>();
  attr.regularizer = ToRegularizer(given.attr("regularizer"));
  attr.trainable = given.attr("trainable").cast<bool>();
  attr.need_clip = given.attr("need_clip").cast<bool>();
  attr.do_model_average = given.attr("do_model_average").cast<bool>();
  if (py::hasattr(given, "dim")) attr.weight_norm = WeightNorm{given.attr("dim").cast<std::optional<int>>()};
  return attr;
}

Regularizer ToRegularizer(py::handle given) {
  if (given.is_none()) return {};
  SKIFF_ENFORCE(py::hasattr(given, "_regularizer_kind"), InvalidType,
                "a regularizer is wanted (skiff.regularizer.L1Decay or L2Decay), ", py::repr(given).cast<std::string>(),
                " was given");
  return {static_cast<Regularizer::Kind>(given.attr("_regularizer_kind").cast<int>()),
          given.attr("_coeff").cast<float>()};
}

void BindLayers(py::module_& m) {
  BindInitializers(m);
  BindHelper(m);
  BindStaticRNN(m);
  m.def("data", &Data);
  m.def("create_parameter", &CreateParameter);
  m.def("create_global_var", [](py::object shape, double value, py::object dtype, bool persistable, py::object name) {
    return From(layers::CreateGlobalVar(ToShape(shape), value, ToDType(dtype), persistable, TextOrNone(name), Here()));
  });
  m.def("fc", &FC);
  m.def("conv2d", &Conv2D);
  m.def("conv2d_transpose", &Conv2DTranspose);
  m.def("batch_norm", &BatchNorm);
  m.def("layer_norm", &LayerNorm);
  m.def("embedding", &Embedding);
  m.def("layer", &Layer, py::arg("op_type"), py::arg("inputs"), py::arg("outputs") = "Out",
        py::arg("attrs") = py::none(), py::kw_only(), py::arg("layer") = py::none(), py::arg("name") = py::none(),
        py::arg("dtype") = py::none(), py::arg("stopped") = std::vector<std::string>{}, py::arg("own_name") = false);
  m.def("python_float", &PythonFloat);
  m.def("full", [](py::object shape, double value, py::object dtype) {
    return From(layers::FillConstant(ToShape(shape), value, ToDType(dtype), Here()));
  });

  const auto binary = [&m](const char* name, Var (*vars)(const Var&, const Var&), Var (*right)(const Var&, double),
                           Var (*left)(double, const Var&)) {
    m.def(name, [vars](const std::shared_ptr<Variable>& x, const std::shared_ptr<Variable>& y) {
      return From(vars(x, y));
    });
    m.def(name, [right](const std::shared_ptr<Variable>& x, double y) { return From(right(x, y)); });
    if (left == nullptr) return;
    m.def(name, [left](double x, const std::shared_ptr<Variable>& y) { return From(left(x, y)); });
  };
  binary("var_add", operator+, operator+, operator+);
  binary("var_sub", operator-, operator-, operator-);
  binary("var_mul", operator*, operator*, operator*);
  binary("var_div", operator/, operator/, operator/);
  binary("var_lt", operator<, operator<, nullptr);
  binary("var_gt", operator>, operator>, nullptr);
  m.def("var_neg", [](const std::shared_ptr<Variable>& x) { return From(-Var(x)); });
}

}  // namespace skiff::python
