// framework/program: programs, blocks, variables, operators and generated names.
#include <pybind11/stl.h>

#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"
#include "python_api/bindings/attribute.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

// Objects of a program carry the program's object, so that they outlive every other reference to it.
constexpr const char* kProgramAttr = "_program";

py::object Holding(py::object object, Program* program) {
  if (program != nullptr && !py::hasattr(object, kProgramAttr)) {
    py::setattr(object, kProgramAttr, FromProgram(*program));
  }
  return object;
}

template <typename T, typename Setter>
auto Touching(Setter set) {
  return [set](Variable& v, T value) {
    set(v, std::move(value));
    if (v.block != nullptr) v.block->program()->Touch();
  };
}

Variable Described(py::handle name, py::handle shape, py::handle dtype) {
  Variable v;
  v.name = name.is_none() ? UniqueName("_generated_var") : name.cast<std::string>();
  if (!dtype.is_none()) v.dtype = ToDType(dtype);
  if (!shape.is_none()) v.shape = ToShape(shape);
  return v;
}

// As Paddle does, a name that the block has already is described anew, if it does not contradict.
py::object CreateVar(Block& block, py::handle name, py::handle shape, py::handle dtype, int kind,
                     py::handle lod_level, py::handle persistable, bool stop_gradient,
                     bool need_check_feed) {
  Variable v = Described(name, shape, dtype);
  v.kind = static_cast<VarKind>(kind);
  v.stop_gradient = stop_gradient;
  v.need_check_feed = need_check_feed;
  if (!persistable.is_none()) v.persistable = persistable.cast<bool>();
  if (!lod_level.is_none()) v.lod_level = lod_level.cast<int>();
  const std::shared_ptr<Variable> there = block.FindLocalVar(v.name);
  if (there == nullptr) return FromVariable(block.AddVar(std::move(v)));
  SKIFF_ENFORCE(shape.is_none() || there->shape == v.shape || there->dtype == DType::kUndefined, InvalidArgument,
                "variable \"", v.name, "\" exists with shape ", there->shape, ", not ", v.shape);
  SKIFF_ENFORCE(dtype.is_none() || there->dtype == v.dtype || there->dtype == DType::kUndefined, InvalidArgument,
                "variable \"", v.name, "\" exists with dtype ", there->dtype, ", not ", v.dtype);
  if (!shape.is_none()) there->shape = v.shape;
  if (!dtype.is_none()) there->dtype = v.dtype;
  if (!persistable.is_none()) there->persistable = v.persistable;
  block.program()->Touch();
  return FromVariable(there);
}

std::string VariableText(const Variable& v) {
  return StrCat(v.is_parameter ? "persist trainable param " : v.persistable ? "persist var " : "var ", v.name,
                " : ", ToString(v.kind), ".shape", v.shape, ".dtype(", v.dtype,
                ").stop_gradient(", v.stop_gradient ? "True" : "False", ")");
}

void BindVariable(py::module_& m) {
  py::class_<Variable, std::shared_ptr<Variable>>(m, "Variable", py::dynamic_attr(),
      "A named value of a program, described, not held. Values are fetched by running the program.")
      .def_readonly("name", &Variable::name)
      .def_property("shape", [](const Variable& v) { return FromShape(v.shape); },
                    Touching<py::object>([](Variable& v, py::object shape) { v.shape = ToShape(shape); }),
                    "Extents; -1 for one known only when the program runs.")
      .def_property_readonly("ndim", [](const Variable& v) { return v.shape.rank(); })
      .def_property("dtype", [](const Variable& v) { return v.dtype; },
                    Touching<py::object>([](Variable& v, py::object dtype) { v.dtype = ToDType(dtype); }))
      .def_property_readonly("lod_level", [](const Variable& v) { return v.lod_level; })
      .def_property_readonly("type", [](const Variable& v) { return static_cast<int>(v.kind); })
      .def_property("persistable", [](const Variable& v) { return v.persistable; },
                    Touching<bool>([](Variable& v, bool p) { v.persistable = p; }))
      .def_property("stop_gradient", [](const Variable& v) { return v.stop_gradient; },
                    Touching<bool>([](Variable& v, bool s) { v.stop_gradient = s; }))
      .def_property("trainable", [](const Variable& v) { return v.parameter.trainable; },
                    Touching<bool>([](Variable& v, bool t) {
                      v.parameter.trainable = t;
                      v.stop_gradient = !t;
                    }))
      .def_property("need_clip", [](const Variable& v) { return v.parameter.need_clip; },
                    Touching<bool>([](Variable& v, bool n) { v.parameter.need_clip = n; }))
      .def_property("do_model_average", [](const Variable& v) { return v.parameter.do_model_average; },
                    Touching<bool>([](Variable& v, bool n) { v.parameter.do_model_average = n; }))
      .def_property_readonly("optimize_attr", [](const Variable& v) {
        py::dict options;
        options["learning_rate"] = v.parameter.learning_rate;
        return options;
      })
      .def_property_readonly("is_parameter", [](const Variable& v) { return v.is_parameter; })
      .def_property_readonly("need_check_feed", [](const Variable& v) { return v.need_check_feed; })
      .def_property_readonly("is_data", [](const Variable& v) { return v.need_check_feed; })
      .def_property_readonly("grad_name", [](const Variable& v) { return GradName(v.name); })
      .def_property_readonly("block", [](const Variable& v) -> py::object {
        return v.block == nullptr ? py::object(py::none()) : FromBlock(*v.block);
      })
      .def("to_string", [](const Variable& v, bool, bool) { return VariableText(v); },
           py::arg("throw_on_error") = true, py::arg("with_details") = false)
      .def("__repr__", &VariableText)
      .def("__hash__", [](const Variable& v) { return reinterpret_cast<uintptr_t>(&v) >> 4; });
}

void BindOperator(py::module_& m) {
  const auto names = [](const Slots& slots) {
    py::list list;
    for (const auto& [slot, values] : slots) list.append(slot);
    return list;
  };
  py::class_<Operator, std::shared_ptr<Operator>>(m, "Operator", py::dynamic_attr(), "One node of a program.")
      .def_readonly("type", &Operator::type)
      .def_readonly("origin", &Operator::origin, "Where the user made it.")
      .def("input", [](const Operator& op, const std::string& slot) { return op.inputs[slot]; })
      .def("output", [](const Operator& op, const std::string& slot) { return op.outputs[slot]; })
      .def_property_readonly("input_names", [names](const Operator& op) { return names(op.inputs); })
      .def_property_readonly("output_names", [names](const Operator& op) { return names(op.outputs); })
      .def_property_readonly("input_arg_names", [](const Operator& op) { return op.inputs.AllNames(); })
      .def_property_readonly("output_arg_names", [](const Operator& op) { return op.outputs.AllNames(); })
      .def_property_readonly("attr_names", [](const Operator& op) {
        py::list list;
        for (const auto& [name, value] : op.attrs) list.append(name);
        return list;
      })
      .def("has_attr", [](const Operator& op, const std::string& name) { return op.attrs.Has(name); })
      .def("attr", [](py::object self, const std::string& name) {
        const Operator& op = self.cast<const Operator&>();
        const Attribute* found = op.attrs.Find(name);
        SKIFF_ENFORCE(found != nullptr, NotFound, op.type, ": no attribute \"", name, "\"");
        return FromAttribute(*found, self.attr(kProgramAttr).cast<const Program*>());
      })
      .def("all_attrs", [](py::object self) {
        const Operator& op = self.cast<const Operator&>();
        py::dict all;
        for (const auto& [name, value] : op.attrs) {
          all[py::str(name)] = FromAttribute(value, self.attr(kProgramAttr).cast<const Program*>());
        }
        return all;
      })
      .def("_set_attr", [](py::object self, const std::string& name, py::handle value) {
        Operator& op = self.cast<Operator&>();
        const Attribute* found = op.attrs.Find(name);
        op.attrs.Set(name, ToAttribute(value, found, name));
        self.attr(kProgramAttr).cast<Program&>().Touch();
      })
      .def("_rename_input", [](py::object self, const std::string& from, const std::string& to) {
        self.cast<Operator&>().inputs.Rename(from, to);
        self.attr(kProgramAttr).cast<Program&>().Touch();
      })
      .def("_rename_output", [](py::object self, const std::string& from, const std::string& to) {
        self.cast<Operator&>().outputs.Rename(from, to);
        self.attr(kProgramAttr).cast<Program&>().Touch();
      })
      .def("__repr__", [](const Operator& op) {
        std::string text = "{Operator " + op.type + "(";
        for (const auto& [slot, values] : op.inputs) {
          text += slot + "=[";
          for (const std::string& v : values) text += v + (&v == &values.back() ? "" : ", ");
          text += "] ";
        }
        text += ") ->";
        for (const auto& [slot, values] : op.outputs) {
          text += " " + slot + "=[";
          for (const std::string& v : values) text += v + (&v == &values.back() ? "" : ", ");
          text += "]";
        }
        return text + "}";
      });
}

py::list FromVariables(const std::vector<Variable*>& variables) {
  py::list list;
  for (const Variable* v : variables) list.append(FromVariable(v->block->FindLocalVar(v->name)));
  return list;
}

void BindBlock(py::module_& m) {
  py::class_<Block, std::unique_ptr<Block, py::nodelete>>(m, "Block", py::dynamic_attr(),
      "Variables and the operators over them, in order.")
      .def_property_readonly("idx", &Block::idx)
      .def_property_readonly("parent_idx", &Block::parent_idx)
      .def_property_readonly("forward_block_idx", &Block::forward_block_idx)
      .def("_set_forward_block_idx", &Block::set_forward_block_idx)
      .def_property_readonly("program", [](const Block& b) { return FromProgram(*b.program()); })
      .def_property_readonly("ops", [](Block& b) {
        py::list list;
        for (const auto& op : b.ops()) list.append(FromOperator(op, b));
        return list;
      })
      .def_property_readonly("vars", [](Block& b) {
        py::dict vars;
        for (const auto& v : b.vars()) vars[py::str(v->name)] = FromVariable(v);
        return vars;
      }, "The block's own variables by name.")
      .def("has_var", [](const Block& b, const std::string& name) { return b.FindLocalVar(name) != nullptr; })
      .def("var", [](const Block& b, const std::string& name) {
        const auto found = b.FindLocalVar(name);
        if (found == nullptr) {
          std::vector<std::string> known;
          for (const auto& v : b.vars()) known.push_back(v->name);
          InvalidArgument error(StrCat("var ", name, " not in this block"));
          error.AddContext(DidYouMean(name, known));
          throw error;
        }
        return FromVariable(found);
      }, "The block's own variable.\n\nRaises:\n    ValueError: there is none of that name.")
      .def("_find_var_recursive", [](const Block& b, const std::string& name) {
        return FromVariable(b.FindVar(name));
      })
      .def("_var_recursive", [](const Block& b, const std::string& name) {
        b.Var(name);
        return FromVariable(b.FindVar(name));
      })
      .def("create_var", &CreateVar, py::arg("name") = py::none(), py::arg("shape") = py::none(),
           py::arg("dtype") = py::none(), py::arg("type") = static_cast<int>(VarKind::kLodTensor),
           py::arg("lod_level") = py::none(), py::arg("persistable") = py::none(),
           py::arg("stop_gradient") = false, py::arg("need_check_feed") = false,
           "Adds a variable; shape and dtype left out are completed by the operator that writes it.")
      .def("_make_parameter", [](Block& b, const std::string& name, py::handle shape, py::handle dtype,
                                 bool trainable, float learning_rate, bool need_clip, int regularizer_kind,
                                 float regularizer_coeff) {
        Variable v{.name = name, .dtype = ToDType(dtype), .shape = ToShape(shape), .persistable = true,
                   .stop_gradient = !trainable, .is_parameter = true};
        v.parameter = {.trainable = trainable, .learning_rate = learning_rate, .need_clip = need_clip,
                       .regularizer_kind = regularizer_kind, .regularizer_coeff = regularizer_coeff};
        return FromVariable(b.AddVar(std::move(v)));
      })
      .def("_remove_var", &Block::RemoveVar)
      .def("_rename_var", &Block::RenameVar)
      .def("_remove_op", [](Block& b, size_t index, bool) { b.RemoveOps(index, index + 1); }, py::arg("index"),
           py::arg("sync") = true)
      .def("all_parameters", [](const Block& b) {
        py::list list;
        for (const auto& v : b.vars()) {
          if (v->is_parameter) list.append(FromVariable(v));
        }
        return list;
      });
}

int seed_of_new_programs = 0;  // what Program.global_seed was given last; guarded by the GIL

void BindProgramItself(py::module_& m) {
  py::class_<Program, std::shared_ptr<Program>>(m, "Program", py::dynamic_attr(),
      "Blocks of operators over named variables; block 0 is global.")
      .def(py::init([] {
        auto program = std::make_shared<Program>();
        program->random_seed = seed_of_new_programs;
        return program;
      }))
      .def_property_readonly("num_blocks", &Program::num_blocks)
      .def("block", [](const Program& p, int idx) { return FromBlock(p.block(idx)); })
      .def("global_block", [](const Program& p) { return FromBlock(p.global_block()); })
      .def("current_block", [](const Program& p) { return FromBlock(p.current_block()); })
      .def_property_readonly("blocks", [](const Program& p) {
        py::list list;
        for (int i = 0; i < p.num_blocks(); ++i) list.append(FromBlock(p.block(i)));
        return list;
      })
      .def("_create_block", [](Program& p, py::handle parent) {
        return FromBlock(p.CreateBlock(parent.is_none() ? -1 : parent.cast<int>()));
      }, py::arg("parent_idx") = py::none())
      .def("_rollback", &Program::Rollback)
      .def("_touch", &Program::Touch)
      .def_property("random_seed", [](const Program& p) { return p.random_seed; },
                    [](Program& p, int seed) {
                      p.random_seed = seed;
                      p.Touch();
                    },
                    "Seed of random operators whose own is 0; 0 means a different one each time.")
      .def("global_seed", [](Program& p, int seed) {
             p.random_seed = seed_of_new_programs = seed;
             p.Touch();
           }, py::arg("seed") = 0,
           "Sets random_seed of this program and of every one made from now on.\n\nSource: paddle.static.Program.global_seed.")
      .def_property_readonly("_uid", &Program::uid)
      .def_property_readonly("_revision", &Program::revision)
      .def("all_parameters", [](const Program& p) { return FromVariables(p.AllParameters()); })
      .def("list_vars", [](const Program& p) { return py::iter(FromVariables(p.ListVars())); })
      .def("clone", [](const Program& p, bool for_test) { return std::shared_ptr<Program>(p.Clone(for_test)); },
           py::arg("for_test") = false, R"(A deep copy.

Args:
    for_test (bool): also drop backward and optimizer operators and set every `is_test`.

Source: paddle.static.Program.clone.)")
      .def("_prune", [](const Program& p, const std::vector<std::string>& feeds,
                        const std::vector<std::string>& targets) {
        return std::shared_ptr<Program>(p.Prune(feeds, targets));
      })
      .def("to_string", [](const Program& p, bool, bool) { return p.ToString(); },
           py::arg("throw_on_error") = false, py::arg("with_details") = false)
      .def("__str__", [](const Program& p) { return p.ToString(); })
      .def("__repr__", [](const Program& p) { return p.ToString(); })
      .def("__deepcopy__", [](const Program& p, py::object) { return std::shared_ptr<Program>(p.Clone()); });

  // The process's programs; their objects are made once and never go.
  m.attr("_process_main") = py::cast(std::shared_ptr<Program>(&DefaultMainProgram(), [](Program*) {}));
  m.attr("_process_startup") = py::cast(std::shared_ptr<Program>(&DefaultStartupProgram(), [](Program*) {}));
  m.def("default_main_program", [] { return FromProgram(DefaultMainProgram()); });
  m.def("default_startup_program", [] { return FromProgram(DefaultStartupProgram()); });

  struct PyProgramGuard {
    std::shared_ptr<Program> main, startup;
    std::unique_ptr<ProgramGuard> guard;
  };
  py::class_<PyProgramGuard>(m, "ProgramGuard")
      .def(py::init([](std::shared_ptr<Program> main, std::shared_ptr<Program> startup) {
        return PyProgramGuard{std::move(main), std::move(startup), nullptr};
      }))
      .def("enter", [](PyProgramGuard& g) {
        g.guard = g.startup == nullptr ? std::make_unique<ProgramGuard>(*g.main)
                                       : std::make_unique<ProgramGuard>(*g.main, *g.startup);
      })
      .def("exit", [](PyProgramGuard& g) { g.guard.reset(); });

  struct PyNameScope {
    std::string prefix;
    std::unique_ptr<NameScopeGuard> guard;
  };
  py::class_<PyNameScope>(m, "NameScopeGuard")
      .def(py::init([](std::string prefix) { return PyNameScope{std::move(prefix), nullptr}; }))
      .def("enter", [](PyNameScope& g) { g.guard = std::make_unique<NameScopeGuard>(g.prefix); })
      .def("exit", [](PyNameScope& g) { g.guard.reset(); });
}

}  // namespace

py::object FromProgram(Program& program) { return py::cast(&program, py::return_value_policy::reference); }

py::object FromBlock(Block& block) {
  return Holding(py::cast(&block, py::return_value_policy::reference), block.program());
}

py::object FromVariable(const std::shared_ptr<Variable>& variable) {
  if (variable == nullptr) return py::none();
  return Holding(py::cast(variable), variable->block == nullptr ? nullptr : variable->block->program());
}

py::object FromOperator(const std::shared_ptr<Operator>& op, Block& block) {
  py::object object = py::cast(op);
  if (!py::hasattr(object, kProgramAttr)) {
    Holding(object, block.program());
    py::setattr(object, "block", FromBlock(block));
  }
  return object;
}

std::string ToName(py::handle given, const char* what) {
  if (py::isinstance<py::str>(given)) return given.cast<std::string>();
  if (py::isinstance<Variable>(given)) return given.cast<const Variable&>().name;
  throw InvalidType(StrCat(what, " must be a Variable or a name, ", py::repr(py::type::of(given)).cast<std::string>(),
                           " was given"));
}

std::vector<std::string> ToNames(py::handle given, const char* what) {
  std::vector<std::string> names;
  if (given.is_none()) return names;
  if (py::isinstance<py::str>(given) || py::isinstance<Variable>(given)) return {ToName(given, what)};
  SKIFF_ENFORCE(PySequence_Check(given.ptr()) || PyAnySet_Check(given.ptr()), InvalidType, what,
                " must be a list of Variables or names, ", py::repr(py::type::of(given)).cast<std::string>(), " was given");
  for (py::handle one : given) names.push_back(ToName(one, what));
  return names;
}

void BindProgram(py::module_& m) {
  BindVariable(m);
  BindOperator(m);
  BindBlock(m);
  BindProgramItself(m);
  m.def("unique_name", &UniqueName, "A generated name: \"<key>_<n>\".");
  py::class_<UniqueNameGenerator, std::shared_ptr<UniqueNameGenerator>>(m, "UniqueNameGenerator")
      .def(py::init<std::string>(), py::arg("prefix") = "")
      .def("__call__", &UniqueNameGenerator::Generate);
  m.def("switch_unique_names", &SwitchUniqueNames, py::arg("generator") = nullptr);
}

}  // namespace skiff::python
