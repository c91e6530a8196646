#include "framework/program/variable.h"

namespace skiff {

const char* ToString(VarKind kind) {
  switch (kind) {
    case VarKind::kLodTensor: return "LOD_TENSOR";
    case VarKind::kSelectedRows: return "SELECTED_ROWS";
    case VarKind::kFeedMinibatch: return "FEED_MINIBATCH";
    case VarKind::kFetchList: return "FETCH_LIST";
    case VarKind::kStepScopes: return "STEP_SCOPES";
    case VarKind::kLodRankTable: return "LOD_RANK_TABLE";
    case VarKind::kLodTensorArray: return "LOD_TENSOR_ARRAY";
    case VarKind::kPlaceList: return "PLACE_LIST";
    case VarKind::kReader: return "READER";
    case VarKind::kRaw: return "RAW";
    case VarKind::kTuple: return "TUPLE";
    case VarKind::kString: return "STRING";
    case VarKind::kStrings: return "STRINGS";
    case VarKind::kVocab: return "VOCAB";
    case VarKind::kFeedList: return "FEED_LIST";
    case VarKind::kPString: return "PSTRING";
    case VarKind::kSparseCoo: return "SPARSE_COO";
    case VarKind::kSparseCsr: return "SPARSE_CSR";
  }
  return "unknown kind";
}

}  // namespace skiff
