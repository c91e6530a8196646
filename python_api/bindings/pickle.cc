// io/pickle and io/checkpoint: Python's objects to and from the files of skiff.save, skiff.load and
// skiff.io.Checkpoint. Python's own pickle is never used: it would run what a file says.
#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <set>

#include "executor/executor.h"
#include "io/checkpoint.h"
#include "io/checksums.h"
#include "io/file_kind.h"
#include "io/npy.h"
#include "io/pickle_file.h"
#include "io/program_file.h"
#include "io/safetensors.h"
#include "io/state_dict.h"
#include "io/tensor_stream.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

using io::PickleKind;
using io::PickleValue;

// Objects met twice are written once, as Python's pickle does.
class ToPickleValue {
 public:
  explicit ToPickleValue(bool tensors_as_arrays) : tensors_as_arrays_(tensors_as_arrays) {}

  PickleValue operator()(py::handle object) {
    const auto found = seen_.find(object.ptr());
    if (found != seen_.end()) return found->second;
    SKIFF_ENFORCE(depth_ < 100, InvalidArgument, "an object to be saved is nested more than 100 deep");
    ++depth_;
    PickleValue value = Convert(object);
    --depth_;
    kept_.push_back(py::reinterpret_borrow<py::object>(object));
    seen_.emplace(object.ptr(), value);
    return value;
  }

 private:
  std::vector<PickleValue> Items(py::handle list) {
    std::vector<PickleValue> items;
    for (py::handle one : list) items.push_back((*this)(one));
    return items;
  }

  PickleValue Convert(py::handle o) {
    if (o.is_none()) return {};
    if (py::isinstance<py::bool_>(o)) return PickleValue::Bool(o.cast<bool>());
    if (PyLong_CheckExact(o.ptr())) return Int(o);
    if (PyFloat_CheckExact(o.ptr())) return PickleValue::Float(o.cast<double>());
    if (PyComplex_CheckExact(o.ptr())) return PickleValue::Complex(o.cast<std::complex<double>>());
    if (py::isinstance<py::str>(o)) return PickleValue::Str(ToText(o));
    if (py::isinstance<py::bytes>(o)) return PickleValue::Bytes(o.cast<std::string>());
    if (PyList_CheckExact(o.ptr())) return PickleValue::List(Items(o));
    if (PyTuple_CheckExact(o.ptr())) return PickleValue::Tuple(Items(o));
    if (PyDict_Check(o.ptr())) return Dict(o);
    if (PySet_CheckExact(o.ptr())) return PickleValue::Set(Items(o));
    if (PyFrozenSet_CheckExact(o.ptr())) return PickleValue::FrozenSet(Items(o));
    if (py::isinstance<py::array>(o)) return Array(py::reinterpret_borrow<py::array>(o));
    if (py::hasattr(o, "dtype") && py::hasattr(o, "ndim") && py::hasattr(o, "tobytes")) {
      const auto array = py::array::ensure(o);
      return PickleValue::Scalar(TensorFromArray(array), Code(array));
    }
    if (py::isinstance(o, py::module_::import("skiff._core").attr("LoDTensor"))) {
      const Tensor tensor = ToTensor(o);
      return tensors_as_arrays_ ? PickleValue::Array(tensor) : PickleValue::StaticTensor(tensor);
    }
    SKIFF_ENFORCE(!py::isinstance<Variable>(o), InvalidType, "the variable \"", o.attr("name").cast<std::string>(),
                  "\" has no value of its own; save global_scope().find_var(name).get_tensor(), or a state dict");
    SKIFF_ENFORCE(!py::hasattr(o, "__iter__"), Unimplemented, "iterables such as ", py::repr(py::type::of(o)).cast<std::string>(),
                  " cannot be saved; save a list of what they give");
    throw InvalidType(StrCat("objects of ", py::repr(py::type::of(o)).cast<std::string>(),
                             " cannot be saved; save tensors, arrays, numbers, text, and lists and dicts of them"));
  }

  static PickleValue Int(py::handle o) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(o.ptr(), &overflow);
    if (overflow == 0) return PickleValue::Int(value);
    const int bits = o.attr("bit_length")().cast<int>();
    const auto bytes = o.attr("to_bytes")(bits / 8 + 1, "little", py::arg("signed") = true).cast<std::string>();
    return PickleValue::BigInt({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }

  static std::string Code(const py::array& array) {
    const std::string text = py::str(array.dtype().attr("str"));  // "<f4", "|b1"
    return text.substr(1);
  }

  static PickleValue Array(const py::array& array) {
    const std::string code = Code(array);
    if (code == "u4" || code == "u8") {  // bits in a signed tensor
      return PickleValue::Array(TensorFromArray(array.attr("view")(code == "u4" ? "i4" : "i8")), code);
    }
    const bool fortran = (array.flags() & py::array::f_style) != 0 && (array.flags() & py::array::c_style) == 0;
    return PickleValue::Array(TensorFromArray(array), code, fortran);
  }

  PickleValue Dict(py::handle o) {
    std::vector<PickleValue::Item> items;
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(o)) {
      PickleValue first = (*this)(key);
      items.emplace_back(std::move(first), (*this)(value));
    }
    const bool ordered = py::isinstance(o, py::module_::import("collections").attr("OrderedDict"));
    return ordered ? PickleValue::OrderedDict(std::move(items)) : PickleValue::Dict(std::move(items));
  }

  bool tensors_as_arrays_;
  int depth_ = 0;
  std::map<PyObject*, PickleValue> seen_;
  std::vector<py::object> kept_;  // an address in seen_ must not be used again
};

py::object ArrayOf(const PickleValue& value) {
  py::object array = ArrayFromTensor(value.tensor());
  const std::string& code = value.numpy_type();
  return code == "u4" || code == "u8" ? array.attr("view")(code) : array;
}

enum class ArraysAs {
  kTensors,
  kNamedTensors,  // those with a name beside them; others stay arrays
  kArrays,
  kTheyAre,       // a name and an array are a tuple
};

py::object FromPickleValue(const PickleValue& value, ArraysAs as) {
  const auto list = [&] {
    py::list items;
    for (const PickleValue& one : value.items()) items.append(FromPickleValue(one, as));
    return items;
  };
  const auto tensor = [&](const PickleValue& of, bool bare) {
    const bool stays = as == ArraysAs::kArrays || as == ArraysAs::kTheyAre || (bare && as == ArraysAs::kNamedTensors);
    return stays || of.numpy_type() == "u4" || of.numpy_type() == "u8" ? ArrayOf(of) : FromTensor(of.tensor());
  };
  switch (value.kind()) {
    case PickleKind::kNone: return py::none();
    case PickleKind::kBool: return py::bool_(value.AsBool());
    case PickleKind::kInt: return py::int_(value.AsInt());
    case PickleKind::kBigInt: return py::int_(py::str(value.IntText()));
    case PickleKind::kFloat: return py::float_(value.AsFloat());
    case PickleKind::kComplex: return py::cast(value.AsComplex());
    case PickleKind::kStr: return py::str(value.AsText());
    case PickleKind::kBytes: return py::bytes(value.AsText());
    case PickleKind::kList: return list();
    case PickleKind::kTuple:
      if (value.IsTensorLike() && as != ArraysAs::kTheyAre) return tensor(value.items()[1], /*bare=*/false);
      return py::tuple(list());
    case PickleKind::kSet: return py::set(list());
    case PickleKind::kFrozenSet: return py::frozenset(list());
    case PickleKind::kNamedTensor:
      if (as == ArraysAs::kTheyAre) return py::make_tuple(py::str(value.name()), tensor(value, /*bare=*/false));
      return tensor(value, /*bare=*/false);
    case PickleKind::kArray:
    case PickleKind::kStaticTensor: return tensor(value, /*bare=*/true);
    case PickleKind::kScalar: return ArrayOf(value)[py::tuple(0)];
    case PickleKind::kDict:
    case PickleKind::kOrderedDict: break;
  }
  py::object dict = value.Is(PickleKind::kDict) ? py::object(py::dict())
                                                : py::module_::import("collections").attr("OrderedDict")();
  for (const auto& [key, one] : value.entries()) dict[FromPickleValue(key, as)] = FromPickleValue(one, as);
  return dict;
}

py::object FromPickleValue(const PickleValue& value, bool arrays) {
  return FromPickleValue(value, arrays ? ArraysAs::kArrays : ArraysAs::kTensors);
}

// Whether any tensor in it has a name: (name, array).
bool HoldsNamedTensor(const PickleValue& value) {
  if (value.Is(PickleKind::kNamedTensor) || (value.Is(PickleKind::kTuple) && value.IsTensorLike())) return true;
  if (value.IsDict()) {
    return std::any_of(value.entries().begin(), value.entries().end(), [](const auto& entry) { return HoldsNamedTensor(entry.second); });
  }
  const bool list = value.Is(PickleKind::kList) || value.Is(PickleKind::kTuple);
  return list && std::any_of(value.items().begin(), value.items().end(), HoldsNamedTensor);
}

// As paddle.load: those arrays become tensors that a table of names lists; without a table those that have names; without names all.
py::object FromFile(const PickleValue& value, bool arrays) {
  const PickleValue* table = value.IsDict() ? value.Find(io::kNameTableKey) : nullptr;
  if (table == nullptr || !table->IsDict()) {
    return FromPickleValue(value, arrays ? ArraysAs::kArrays : HoldsNamedTensor(value) ? ArraysAs::kNamedTensors : ArraysAs::kTensors);
  }
  std::set<std::string> listed;  // keys may be numbers
  for (const auto& [key, name] : table->entries()) listed.insert(key.ToString());
  const py::object dict = FromPickleValue(value, ArraysAs::kTheyAre);
  for (const auto& [key, one] : value.entries()) {
    if (!arrays && one.Is(PickleKind::kArray) && listed.contains(key.ToString())) dict[FromPickleValue(key, true)] = FromPickleValue(one, false);
  }
  return dict;
}

bool HoldsTensor(py::handle object, py::handle tensor_type) {
  if (py::isinstance(object, tensor_type)) return true;
  if (PyDict_Check(object.ptr())) {
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(object)) {
      if (HoldsTensor(value, tensor_type)) return true;
    }
    return false;
  }
  if (!PyList_Check(object.ptr()) && !PyTuple_Check(object.ptr()) && !PyAnySet_Check(object.ptr())) return false;
  return std::any_of(object.begin(), object.end(), [&](py::handle one) { return HoldsTensor(one, tensor_type); });
}

// Every value is a tensor, or a dict without any: what Paddle takes for a state dict.
bool IsStateDict(py::handle object, py::handle tensor_type) {
  if (!PyDict_Check(object.ptr())) return false;
  for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(object)) {
    const bool plain = PyDict_Check(value.ptr()) && !HoldsTensor(value, tensor_type);
    if (!plain && !py::isinstance(value, tensor_type)) return false;
  }
  return true;
}

PickleValue ToFile(py::handle object, int protocol) {
  SKIFF_ENFORCE(protocol >= 2 && protocol <= 4, InvalidArgument, "Expected 1<'protocol'<5, but received protocol=", protocol);
  const bool state = IsStateDict(object, py::module_::import("skiff._core").attr("LoDTensor"));
  PickleValue value = ToPickleValue(state)(object);
  if (state) value = PickleValue::Dict(value.entries());  // whatever kind of dict it was
  return protocol < 4 && value.IsDict() ? io::SplitSlices(value) : value;
}

// Tensors by name, and the texts that a npz holds beside them.
py::dict FromNamedTensors(const io::StateDict& state, bool arrays) {
  py::dict dict;
  for (const auto& entry : state) {
    dict[py::str(entry.name)] = arrays ? ArrayFromTensor(entry.tensor) : FromTensor(entry.tensor);
  }
  for (const auto& [name, object] : state.objects) dict[py::str(name)] = FromPickleValue(object, arrays);
  return dict;
}

py::object LoadFrom(const std::shared_ptr<const io::MappedFile>& file, bool arrays, bool keep_name_table) {
  const auto bytes = file->bytes();
  switch (io::DetectFile(bytes)) {
    case io::FileKind::kPickle: {
      const PickleValue value = io::MergeSlices(io::ParsePickle(bytes, file->name()), file->name());
      py::object object = FromFile(value, arrays);
      if (!keep_name_table && value.IsDict()) object.attr("pop")(io::kNameTableKey, py::none());
      return object;
    }
    case io::FileKind::kTensors: return FromValue(io::ReadTensorFile(file), arrays);
    case io::FileKind::kSafetensors: {
      io::StateDict state = io::ParseSafetensors(file);
      state.objects.clear();  // load_safetensors gives the metadata
      return FromNamedTensors(state, arrays);
    }
    case io::FileKind::kZip: return FromNamedTensors(io::ParseNpz(file), arrays);
    case io::FileKind::kNpy: {
      Tensor tensor = io::ParseNpy(bytes, file->name());
      return arrays ? ArrayFromTensor(tensor) : FromTensor(std::move(tensor));
    }
    default: return py::cast(std::shared_ptr<Program>(io::ParseProgram(bytes, file->name())));
  }
}

// Every value of `given` as a tensor, texts as objects where `texts`.
io::StateDict ToNamedTensors(const py::dict& given, bool texts) {
  io::StateDict state;
  for (const auto& [name, value] : given) {
    SKIFF_ENFORCE(py::isinstance<py::str>(name), InvalidType, "names of tensors are str, ",
                  py::repr(name).cast<std::string>(), " was given");
    if (texts && (py::isinstance<py::str>(value) || PyList_CheckExact(value.ptr()))) {
      state.objects.emplace_back(ToText(name), ToPickleValue(true)(value));
      continue;
    }
    SKIFF_ENFORCE(!PyDict_Check(value.ptr()) && !py::isinstance<py::str>(value), InvalidType, "\"", ToText(name),
                  "\" is a ", py::str(py::type::of(value).attr("__name__")).cast<std::string>(), "; tensors and arrays can be written");
    state.Set(ToText(name), ToTensor(value));
  }
  return state;
}

void BindNamedTensors(py::module_& m) {
  m.def("save_npz", [](const py::dict& arrays, const FileName& path) { io::SaveNpz(ToNamedTensors(arrays, true), path); });
  m.def("save_safetensors", [](const py::dict& tensors, const FileName& path, py::object metadata) {
    io::StateDict state = ToNamedTensors(tensors, false);
    if (!metadata.is_none()) state.objects.emplace_back(io::kSafetensorsMetadata, ToPickleValue(true)(metadata));
    io::SaveSafetensors(state, path);
  });
  m.def("load_npz", [](const FileName& path, bool arrays) { return FromNamedTensors(io::LoadNpz(path), arrays); });
  m.def("load_safetensors", [](const FileName& path, bool arrays) {
    io::StateDict state = io::LoadSafetensors(path, io::TensorMemory::kShared);
    py::object metadata = py::dict();
    for (const auto& [name, object] : state.objects) metadata = FromPickleValue(object, arrays);
    state.objects.clear();
    return py::make_tuple(FromNamedTensors(state, arrays), metadata);
  });
}

// What Checkpoint.save was given: the user's values, and the states of objects by name.
struct PythonValues {
  PickleValue extra, objects = PickleValue::Dict({});
};
PythonValues PythonValuesOf(const io::Progress& progress) {
  const auto found = progress.extra.find("python");
  if (found != progress.extra.end() && found->second.IsDict()) {
    const PickleValue *extra = found->second.Find("extra"), *objects = found->second.Find("objects");
    if (extra != nullptr && objects != nullptr && objects->IsDict()) return {*extra, *objects};
  }
  if (progress.extra.empty()) return {};
  std::vector<PickleValue::Item> items;  // saved by a program in C++
  for (const auto& [name, value] : progress.extra) items.emplace_back(PickleValue::Str(name), value);
  return {PickleValue::Dict(std::move(items)), PickleValue::Dict({})};
}

// @throws py::key_error for a name of which the checkpoint has no state.
void CheckObjects(const io::Progress& progress, const std::string& path, const std::vector<std::string>& names) {
  const PickleValue objects = PythonValuesOf(progress).objects;
  std::string there;
  for (const auto& [name, state] : objects.entries()) {
    if (name.Is(PickleKind::kStr)) there += (there.empty() ? "'" : ", '") + name.AsText() + "'";
  }
  for (const std::string& name : names) {
    if (objects.Find(name) == nullptr) throw py::key_error(StrCat(path, " holds no state of '", name, "'; it has [", there, "]"));
  }
}

py::object Resume(const io::Checkpoint& checkpoint, const Program& program, std::optional<int64_t> step, bool skip_damaged,
                  const std::vector<std::string>& objects) {
  const io::ResumeOptions options{.step = step, .skip_damaged = skip_damaged, .accept = [&](const io::Progress& progress, const std::string& path) {
                                    CheckObjects(progress, path, objects);
                                  }};
  const auto resumed = checkpoint.Resume(program, GlobalScope(), options);
  if (!resumed) return py::none();
  const PythonValues values = PythonValuesOf(resumed->progress);
  return py::make_tuple(resumed->progress.step, resumed->progress.epoch, FromPickleValue(values.extra, true),
                        FromPickleValue(values.objects, true), FileName(resumed->path), resumed->skipped);
}

void BindCheckpoint(py::module_& m) {
  py::class_<io::Checkpoint>(m, "Checkpoint")
      .def(py::init([](const FileName& folder, int keep) { return io::Checkpoint(folder, {.keep = keep}); }))
      .def("save", [](const io::Checkpoint& c, const Program& program, int64_t step, int64_t epoch, py::object values) {
        io::Progress progress{.step = step, .epoch = epoch};
        progress.extra["python"] = ToPickleValue(/*tensors_as_arrays=*/true)(values);
        return FileName(c.Save(program, GlobalScope(), progress));
      })
      .def("resume", &Resume)
      .def("steps", &io::Checkpoint::Steps)
      .def("path_of", [](const io::Checkpoint& c, int64_t step) { return FileName(c.PathOf(step)); });
}

}  // namespace

void BindPickle(py::module_& m) {
  BindCheckpoint(m);
  BindNamedTensors(m);
  m.def("save_pickle", [](py::object object, const FileName& path, int protocol) {
    io::SavePickle(ToFile(object, protocol), path, {.protocol = protocol});
  });
  m.def("pickle_bytes", [](py::object object, int protocol) {
    return py::bytes(io::SerializePickle(ToFile(object, protocol), {.protocol = protocol}));
  });
  m.def("tensor_bytes", [](py::object tensor) {
    io::StringSink sink;
    if (py::isinstance<SelectedRows>(tensor)) {
      io::WriteSelectedRows(tensor.cast<const SelectedRows&>(), &sink);
    } else {
      io::WriteTensor(ToTensor(tensor), &sink);
    }
    return py::bytes(sink.Take());
  });
  m.def("load_file", [](const FileName& path, bool arrays, bool keep_name_table, bool verify) {
    return LoadFrom(io::OpenVerified(path, verify), arrays, keep_name_table);
  });
  m.def("load_bytes", [](const std::string& bytes, bool arrays, bool keep_name_table) {
    return LoadFrom(io::MappedFile::FromMemory(bytes, "a buffer"), arrays, keep_name_table);
  });
}

}  // namespace skiff::python
