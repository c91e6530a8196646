// The extension module skiff._core: everything that Python needs of libskiff.so.
#include "framework/base/error.h"
#include "io/mapped_file.h"
#include "python_api/bindings/bindings.h"

namespace skiff::python {

namespace {

PyObject* ExceptionOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return PyExc_ValueError;
    case ErrorKind::kInvalidType: return PyExc_TypeError;
    case ErrorKind::kOutOfRange: return PyExc_IndexError;
    case ErrorKind::kUnimplemented: return PyExc_NotImplementedError;
    case ErrorKind::kResourceExhausted: return PyExc_MemoryError;
    case ErrorKind::kExternal: return PyExc_OSError;
    default: return PyExc_RuntimeError;
  }
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "C++ half of skiff; use the package skiff instead.";
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const io::NoSuchFile& error) {
      PyErr_SetString(PyExc_FileNotFoundError, error.what());
    } catch (const Error& error) {
      PyErr_SetString(ExceptionOf(error.kind()), error.what());
    }
  });
  BindBase(m);
  BindTensor(m);
  BindProgram(m);
  BindOp(m);
  BindLayers(m);
  BindExecutor(m);
  BindIo(m);
  BindPickle(m);
  BindOptimizer(m);
  BindMixedPrecision(m);
  BindAveraging(m);
  BindCustomOp(m);
  BindOnnx(m);
}

}  // namespace skiff::python
